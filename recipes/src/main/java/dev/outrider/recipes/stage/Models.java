package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DiskFailures;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.StepFolders;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.checkpoints.tokenizer.Tokenizers;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.Devices;
import dev.outrider.decode.device.Precision;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.WeightType;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Recipe.Distill;
import dev.outrider.recipes.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Where a run's models and tokenizer are, and the device they run on. */
final class Models {
    private Models() {}

    static WeightType held(Recipe.Weights weights) {
        return WeightType.valueOf(weights.name());
    }

    /** What follows from how the target is held, wherever it speaks or teaches; nothing where that is as it is stored. */
    static List<Object> heldTarget(Recipe recipe) {
        Recipe.Weights weights = recipe.target().weights();
        return weights == Recipe.Weights.STORED ? List.of() : List.of(weights);
    }

    /** What models run on that are not trained. */
    static Device device(Run run) {
        return Devices.open(run.recipe().device(), run.recipe().threads());
    }

    /** For training. */
    static CpuDevice device(Run run, Precision precision) {
        int threads = run.recipe().threads();
        return new CpuDevice(threads == 0 ? Runtime.getRuntime().availableProcessors() : threads, precision);
    }

    /** The target's folder or file: the given one, or the last checkpoint of the run that trained it. */
    static Path target(Run run) {
        Recipe.Target target = run.recipe().target();
        if (target.tokenizer().isPresent()) {
            throw Failure.usage("target", "its tokenizer alone", "its weights", "Name them: target.checkpoint=..");
        }
        return target.checkpoint().orElseGet(() -> last(run.targetRun()));
    }

    /** The last checkpoint of a training run. */
    static Path last(Path trainingRun) {
        return new StepFolders(trainingRun, 1)
                .latest()
                .orElseThrow(() -> Failure.data(
                        trainingRun.toString(),
                        "no checkpoint",
                        "a finished training",
                        "Run the stage before this one."));
    }

    /** Names of the drafts that the run trains, in their order. */
    static List<String> drafts(Recipe recipe) {
        return Stream.concat(
                        Stream.of(Distill.PRETRAINED),
                        recipe.allAlignments().stream().map(Distill::name))
                .toList();
    }

    /** The last checkpoint of the draft of this name. */
    static Path draft(Run run, String name) {
        return run.recipe().allAlignments().stream()
                .filter(a -> a.name().equals(name))
                .findFirst()
                .map(a -> last(run.alignmentRun(a)))
                .orElseGet(() -> last(run.pretrainRun()));
    }

    /** Where the draft of this name is exported to. */
    static Path exported(Run run, String name) {
        return run.exported().resolve("draft-" + name);
    }

    /** Where the same is exported to with as many rows as servers ask for. */
    static Path padded(Path exported) {
        return exported.resolveSibling(exported.getFileName() + "-padded");
    }

    /** The target's tokenizer; every model of a run shares it. */
    static Tokenizer tokenizer(Run run) {
        Recipe.Target given = run.recipe().target();
        if (given.checkpoint().isPresent()) {
            try (Checkpoint target = Checkpoint.open(target(run))) {
                return target.requireTokenizer();
            }
        }
        if (given.tokenizer().isPresent())
            return requireTokenizer(given.tokenizer().get());
        return Tokenizers.open(run.tokenizer())
                .orElseThrow(() -> Failure.data(
                        run.tokenizer().toString(), "no tokenizer", "tokenizer.json", "Run the data verb first."));
    }

    private static Tokenizer requireTokenizer(Path folder) {
        return Tokenizers.open(folder)
                .orElseThrow(() -> Failure.data(
                        folder.toString(),
                        "no tokenizer",
                        "tokenizer.json or tokenizer.model",
                        "Correct the path: target.tokenizer=.."));
    }

    /** Where a Tokenizer can be opened by a task on another machine. */
    static Path tokenizerPath(Run run) {
        return run.recipe().target().given().orElse(run.tokenizer());
    }

    /** Where the target's chat template and tokenizer are. */
    static Path spoken(Run run) {
        return run.recipe().target().given().orElseGet(() -> target(run));
    }

    /** The target's, for MBSU's cost ratio. */
    static long parameters(Run run) {
        long said = run.recipe().target().parameters();
        if (said > 0) return said;
        try (Checkpoint checkpoint = Checkpoint.open(target(run))) {
            return checkpoint.config().parameters();
        }
    }

    /** Longest text of a model. */
    static int positions(Path model) {
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            return checkpoint.config().maxPositions();
        }
    }

    /**
     * What every model of a run agrees on.
     *
     * @param rows of embeddings, at least the tokenizer's pieces
     * @param eos ends of text
     */
    record Language(Tokenizer tokenizer, int rows, List<Integer> eos) {}

    /** The target's; known before it is trained. */
    static Language language(Run run) {
        if (run.recipe().target().checkpoint().isEmpty()) {
            Tokenizer own = tokenizer(run);
            return new Language(own, own.size(), List.of(own.eosId()));
        }
        try (Checkpoint target = Checkpoint.open(target(run))) {
            return new Language(
                    target.requireTokenizer(),
                    target.config().vocabSize(),
                    target.config().eosIds());
        }
    }

    static void delete(Path folder) {
        if (!Files.exists(folder)) return;
        try (var paths = Files.walk(folder)) {
            for (Path p : paths.sorted(Comparator.reverseOrder()).toList()) Files.delete(p);
        } catch (IOException e) {
            throw DiskFailures.writing(folder, e);
        }
    }

    /** Renames what took long to make: other settings never cost anybody a model. */
    static void setAside(Run run, Path folder) {
        if (!Files.exists(folder)) return;
        Path free = IntStream.iterate(1, i -> i + 1)
                .mapToObj(i -> folder.resolveSibling(folder.getFileName() + ".old-" + i))
                .filter(Files::notExists)
                .findFirst()
                .orElseThrow();
        try {
            Files.move(folder, free);
        } catch (IOException e) {
            throw DiskFailures.writing(folder, e);
        }
        run.out().println(folder + " was made with other settings; it is kept as " + free);
    }
}
