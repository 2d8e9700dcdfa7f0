package dev.outrider.recipes;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.ClipConfig;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Tower;
import dev.outrider.checkpoints.Vision;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.checkpoints.tokenizer.Tokenizers;
import dev.outrider.decode.device.Precision;
import dev.outrider.recipes.Recipe.Distill;
import dev.outrider.recipes.Recipe.Draft;
import dev.outrider.recipes.Recipe.Training;
import dev.outrider.trainer.Initial;
import dev.outrider.trainer.layer.LayerCut;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.IntStream;

/** What {@code --plan} prints: the resolved recipe, shapes, parameters, and what they will cost. */
public final class Plan {
    /** What two cores of a current server reach in float32 products; real speed is printed while training. */
    private static final double ASSUMED_GFLOPS = 250;

    /** What training gains by BF16 products, on CPUs that multiply them. */
    private static final double BF16_GAIN = 1.6;

    private static final int STATE_BYTES = 16; // weight, gradient, two moments

    private static final int USUAL_VOCABULARY = 32000; // LLaMA's and LLaVA's

    private final RecipeFile file;
    private final StringBuilder out = new StringBuilder();

    private Plan(RecipeFile file) {
        this.file = file;
    }

    /** The plan as text. */
    public static String of(RecipeFile file) {
        return new Plan(file).text();
    }

    private String text() {
        Recipe r = file.recipe();
        out.append("recipe ").append(file.file()).append(", resolved\n");
        print(r, "  ");
        out.append("\nmodels\n");
        Optional<ModelConfig> given = given(r);
        int vocabulary = given.map(ModelConfig::vocabSize).orElseGet(() -> assumed(r));
        given.ifPresent(c -> shape("target", c));
        r.target().shape().ifPresent(s -> shape("target", s.config(vocabulary, 1, List.of(2))));
        sight(r);
        ModelConfig draft = draft(r, given, vocabulary);
        shape("draft", draft);
        out.append("\ntraining (time at ").append((int) ASSUMED_GFLOPS).append(" GFLOP/s, 2 cores, in float32)\n");
        r.target()
                .shape()
                .ifPresent(s -> training(
                        "target",
                        s.config(vocabulary, 1, List.of(2)),
                        r.target().training().orElseThrow(),
                        0));
        training("pretrain", draft, r.pretrain(), 0);
        double teacher = given.or(() -> r.target().shape().map(s -> s.config(vocabulary, 1, List.of(2))))
                .map(c -> 2.0 * c.productParameters())
                .orElse(0.0);
        for (Distill alignment : r.allAlignments()) {
            training(
                    r.place(alignment),
                    draft,
                    alignment.training(),
                    alignment.laws() == Recipe.Laws.ONLINE ? teacher : 0);
        }
        return out.toString();
    }

    /** The tower that target and drafts see with, and the rows of text that a picture becomes. */
    private void sight(Recipe r) {
        if (!r.looks()) return;
        Optional<ClipConfig> tower = tower(r);
        if (tower.isEmpty()) {
            out.append("  tower    is not there\n");
            return;
        }
        ClipConfig c = tower.get();
        out.append(String.format(
                Locale.ROOT,
                "  tower    %.2fM parameters: %d layers, hidden %d, pictures of %d pixels in %d patches%n",
                c.parameters() / 1e6,
                c.layers(),
                c.hiddenSize(),
                c.imageSize(),
                c.patches()));
        for (Distill a : r.allAlignments()) {
            a.adapter()
                    .ifPresent(adapter -> out.append(String.format(
                            Locale.ROOT,
                            "  adapter  of %s: %d rows of a picture%n",
                            a.name(),
                            (c.grid() / adapter.pool()) * (c.grid() / adapter.pool()))));
        }
    }

    private static Optional<ClipConfig> tower(Recipe r) {
        if (r.trainsTower()) return r.tower().flatMap(Recipe.Tower::shape).map(Recipe.TowerShape::config);
        Optional<Path> own = r.tower().flatMap(Recipe.Tower::checkpoint);
        if (own.isPresent()) {
            if (!Files.exists(own.get())) return Optional.empty();
            try (Tower tower = Tower.open(own.get())) {
                return Optional.of(tower.config());
            }
        }
        if (r.target().checkpoint().filter(Files::exists).isEmpty()) return Optional.empty();
        try (Checkpoint target = Checkpoint.open(r.target().checkpoint().get())) {
            return target.vision().filter(Vision::hasTower).map(v -> v.tower().config());
        }
    }

    /** Where the draft begins as another model, that model's shape tells. */
    private static ModelConfig draft(Recipe r, Optional<ModelConfig> target, int vocabulary) {
        Draft draft = r.draft();
        ModelConfig whole = draft.shape()
                .map(s -> s.config(vocabulary, 1, List.of(2)))
                .or(() -> draft.start().flatMap(Plan::shape))
                .or(() -> target.map(t -> cut(r, t)))
                .orElseThrow(() -> Failure.usage(
                        "draft",
                        draft.start().map(p -> "nothing at " + p).orElse("layers of a target that is not there"),
                        "a model to begin from",
                        "Get it first: its shape is the plan's."));
        return draft.vocabulary() == 0 || whole.pruned() ? whole : whole.withOutputs(draft.vocabulary());
    }

    private static ModelConfig cut(Recipe r, ModelConfig target) {
        Draft draft = r.draft();
        List<Integer> layers = draft.cut().isEmpty() ? LayerCut.first(draft.copying()) : draft.cut();
        Optional<DraftVocabulary> outputs = draft.vocabulary() == 0
                ? Optional.empty()
                : Optional.of(new DraftVocabulary(
                        target.vocabSize(),
                        IntStream.range(0, draft.vocabulary()).toArray()));
        return new Initial.LayersOf(r.target().checkpoint().orElseThrow(), layers, outputs).config();
    }

    private int assumed(Recipe r) {
        Optional<Path> words = r.target().tokenizer();
        if (words.filter(Files::isDirectory).isPresent())
            return Tokenizers.open(words.get()).map(Tokenizer::size).orElse(USUAL_VOCABULARY);
        if (r.target().shape().isPresent()) return r.tokenizer().size();
        out.append("  target   is not there; numbers are for a vocabulary of ")
                .append(USUAL_VOCABULARY)
                .append('\n');
        return USUAL_VOCABULARY;
    }

    private static Optional<ModelConfig> given(Recipe r) {
        return r.target().checkpoint().flatMap(Plan::shape);
    }

    private static Optional<ModelConfig> shape(Path path) {
        if (!Files.exists(path)) return Optional.empty();
        try (Checkpoint checkpoint = Checkpoint.open(path)) {
            return Optional.of(checkpoint.config());
        }
    }

    private void print(Record record, String indent) {
        for (RecordComponent c : record.getClass().getRecordComponents()) {
            Object value = value(record, c);
            String name = Binder.snake(c.getName());
            if (value instanceof Optional<?> o) value = o.orElse(null);
            if (value instanceof List<?> list && !list.isEmpty() && list.getFirst() instanceof Record) {
                for (Object one : list) {
                    out.append(indent).append(name).append(" -\n");
                    print((Record) one, indent + "  ");
                }
            } else if (value instanceof Record section) {
                out.append(indent).append(name).append(":\n");
                print(section, indent + "  ");
            } else if (value != null) {
                out.append(indent).append(name).append(": ").append(value).append('\n');
            }
        }
    }

    private static Object value(Record record, RecordComponent c) {
        try {
            c.getAccessor().setAccessible(true);
            return c.getAccessor().invoke(record);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    private void shape(String name, ModelConfig c) {
        out.append(String.format(
                Locale.ROOT,
                "  %-8s %.2fM parameters: %d layers, hidden %d, intermediate %d, %d heads (%d kv) of %d, V %d%s%s%n",
                name,
                c.parameters() / 1e6,
                c.layers(),
                c.hiddenSize(),
                c.intermediateSize(),
                c.heads(),
                c.kvHeads(),
                c.headDim(),
                c.vocabSize(),
                c.pruned() ? ", of which it says " + c.outputSize() : "",
                c.tiedEmbeddings() ? ", tied" : ""));
    }

    private void training(String name, ModelConfig c, Training t, double teacherFlopsPerToken) {
        double tokens = (double) t.steps() * t.batch() * file.recipe().text().length();
        double flops = tokens * (6.0 * c.productParameters() + teacherFlopsPerToken);
        int micro = t.microBatch() == 0 ? t.batch() : t.microBatch();
        double activations = 4.0
                * micro
                * file.recipe().text().length()
                * c.layers()
                * (5.0 * c.hiddenSize() + (c.heads() + 2.0 * c.kvHeads()) * c.headDim() + 3.0 * c.intermediateSize());
        double memory = STATE_BYTES * (double) c.parameters() + activations + 512 * 4.0 * c.vocabSize();
        out.append(String.format(
                Locale.ROOT,
                "  %-12s up to %.3g tokens in %d steps of %d x %d, %.3g FLOP, about %s, %.2f GB%n",
                name,
                tokens,
                t.steps(),
                t.batch(),
                file.recipe().text().length(),
                flops,
                time(flops / (ASSUMED_GFLOPS * (t.precision() == Precision.BF16 ? BF16_GAIN : 1) * 1e9)),
                memory / 1e9));
    }

    private static String time(double seconds) {
        if (seconds > 2 * 86400) return String.format(Locale.ROOT, "%.0f days", seconds / 86400);
        return seconds > 7200
                ? String.format(Locale.ROOT, "%.1f hours", seconds / 3600)
                : String.format(Locale.ROOT, "%.1f minutes", seconds / 60);
    }
}
