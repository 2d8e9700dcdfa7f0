package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.data.shard.Shards;
import dev.outrider.data.shard.TokenCounts;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.speculate.Compatibility;
import dev.outrider.recipes.Recipe.Draft;
import dev.outrider.recipes.Recipe.Shape;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.stage.Models.Language;
import dev.outrider.trainer.CopyingLayers;
import dev.outrider.trainer.Initial;
import dev.outrider.trainer.layer.LlamaGraph;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** What a draft begins as: shape, first weights, and the tokens that it can say. */
final class Begin {
    private Begin() {}

    /** Whether the target's weights are needed. */
    static boolean fromTarget(Draft draft) {
        return !draft.cut().isEmpty() || draft.copying() > 0;
    }

    /** Whether the target's answers are needed. */
    static boolean fromAnswers(Draft draft) {
        return draft.vocabulary() > 0;
    }

    /** The draft before its first step; the caller's to close. */
    static LlamaGraph graph(Run run, CpuDevice device) {
        Language language = Models.language(run);
        Optional<DraftVocabulary> outputs = vocabulary(run, language);
        return initial(run, device, language, outputs).graph(device);
    }

    private static Initial initial(Run run, CpuDevice device, Language language, Optional<DraftVocabulary> outputs) {
        Draft draft = run.recipe().draft();
        if (draft.start().isPresent()) return from(draft.start().get(), language);
        if (!draft.cut().isEmpty()) return new Initial.LayersOf(Models.target(run), draft.cut(), outputs);
        if (draft.copying() > 0) return new Initial.LayersOf(Models.target(run), copying(run, device), outputs);
        return new Initial.Scratch(
                config(language, draft.shape().orElseThrow(), outputs),
                run.recipe().seed() + 1,
                outputs);
    }

    private static Initial from(Path start, Language language) {
        try (Checkpoint checkpoint = Checkpoint.open(start)) {
            Compatibility.require(start.toString(), checkpoint.requireTokenizer(), "the target", language.tokenizer());
            int rows = checkpoint.config().vocabSize();
            if (rows == language.rows()) return new Initial.From(start, Optional.empty());
            throw Failure.usage(
                    "draft.start " + start,
                    rows + " rows of embeddings",
                    language.rows() + ", as the target",
                    "Begin with a draft that was exported without pad_vocabulary.");
        }
    }

    private static ModelConfig config(Language language, Shape shape, Optional<DraftVocabulary> outputs) {
        ModelConfig config = shape.config(language.rows(), language.tokenizer().bosId(), language.eos());
        return outputs.map(o -> config.withOutputs(o.size())).orElse(config);
    }

    /** The most frequent tokens of the target's answers, ends of text always among them. */
    private static Optional<DraftVocabulary> vocabulary(Run run, Language language) {
        int size = run.recipe().draft().vocabulary();
        if (size == 0) return Optional.empty();
        try (Shards answers = Shards.open(run.alignment().resolve("train"))) {
            TokenCounts counts = TokenCounts.of(answers);
            Set<Integer> always = new HashSet<>(language.eos());
            DraftVocabulary outputs = counts.mostFrequent(size, always);
            run.out()
                    .printf(
                            Locale.ROOT,
                            "draft vocabulary: %d of %d tokens, %.2f %% of what the target says%n",
                            outputs.size(),
                            outputs.vocabulary(),
                            100 * counts.coverage(outputs));
            return Optional.of(outputs);
        }
    }

    private static List<Integer> copying(Run run, CpuDevice device) {
        int count = run.recipe().draft().copying();
        try (Checkpoint target = Checkpoint.open(Models.target(run))) {
            CopyingLayers found = CopyingLayers.of(device, target, count);
            run.out()
                    .printf(
                            Locale.ROOT,
                            "layers that copy: %s; their heads attend %.2f in all to what followed before, the target's %.2f%n",
                            found.layers(),
                            found.repeats(),
                            found.whole());
            return found.layers();
        }
    }
}
