package dev.outrider.data.answers;

import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.model.WeightType;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/**
 * Everything the answers of a folder depend on ({@code plan.json}). A folder is continued only by the same
 * plan, or by one for more or fewer prompts that begin with the same: then the parts that exist are the ones that
 * would be written again.
 *
 * @param model {@code Checkpoint.hash()} of the target
 * @param vocabSize ids are below this: rows of the target's embedding
 * @param ends ids that end an answer
 * @param promptsHash sha256 over ids, tasks, texts and tokens
 * @param slots answers in work at a time: products are summed in an order that follows from it
 * @param topK ids whose probabilities are kept at every token; 0: none
 * @param eyes hash of what pictures are seen with; empty: prompts have none
 * @param weights how the target's matrices are held
 */
record AnswerPlan(
        int schema,
        String model,
        String tokenizerHash,
        int vocabSize,
        Set<Integer> ends,
        String promptsHash,
        int prompts,
        List<Double> temperatures,
        double topP,
        int samples,
        int maxTokens,
        int context,
        long seed,
        int promptsPerPart,
        int slots,
        int topK,
        String eyes,
        WeightType weights)
        implements Serializable {
    static final int SCHEMA = 2;
    static final String NAME = "plan.json";
    private static final JsonMapper JSON =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    AnswerPlan {
        temperatures = List.copyOf(temperatures);
        ends = Set.copyOf(ends);
        // Absent in plans of versions that saw nothing, or knew no other weights.
        eyes = eyes == null ? "" : eyes;
        weights = weights == null ? WeightType.STORED : weights;
    }

    /** For prompts without pictures. */
    AnswerPlan(
            int schema,
            String model,
            String tokenizerHash,
            int vocabSize,
            Set<Integer> ends,
            String promptsHash,
            int prompts,
            List<Double> temperatures,
            double topP,
            int samples,
            int maxTokens,
            int context,
            long seed,
            int promptsPerPart,
            int slots,
            int topK) {
        this(
                schema,
                model,
                tokenizerHash,
                vocabSize,
                ends,
                promptsHash,
                prompts,
                temperatures,
                topP,
                samples,
                maxTokens,
                context,
                seed,
                promptsPerPart,
                slots,
                topK,
                "",
                WeightType.STORED);
    }

    /** Whether prompts may have pictures. */
    boolean sees() {
        return !eyes.isEmpty();
    }

    int parts() {
        return (prompts + promptsPerPart - 1) / promptsPerPart;
    }

    static AnswerPlan read(Path folder) {
        Path file = folder.resolve(NAME);
        if (!Files.isRegularFile(file)) {
            throw Failure.data(folder.toString(), "no " + NAME, "a folder of answers", "Let the target answer first.");
        }
        try {
            AnswerPlan plan = JSON.readValue(file.toFile(), AnswerPlan.class);
            if (plan.schema == SCHEMA) return plan;
            throw Failure.data(
                    file.toString(),
                    "version " + plan.schema + (plan.schema < SCHEMA ? ", too old" : ", too new"),
                    "version " + SCHEMA,
                    "Use the version of Outrider that wrote the answers, or write them again.");
        } catch (IOException e) {
            throw Failure.data(file.toString(), "no plan (" + e.getMessage() + "); corrupt", "JSON", "Answer again.");
        }
    }

    /**
     * Writes the plan, unless the folder has it.
     *
     * @param parts of this plan
     * @param otherwise is to move a folder away that holds another job's answers
     * @throws Failure USAGE if it is there still
     */
    void begin(Path folder, List<Part> parts, Runnable otherwise) {
        Path file = folder.resolve(NAME);
        if (Files.exists(file)) {
            AnswerPlan old = read(folder);
            if (old.equals(this)) return;
            if (!continues(old, folder, parts)) {
                otherwise.run();
                if (Files.exists(file)) throw another(file, old);
            }
        }
        AtomicFiles.file(file, temporary -> JSON.writeValue(temporary.toFile(), this));
    }

    private Failure another(Path file, AnswerPlan old) {
        return Failure.usage(
                file.toString(),
                "answers of another job: " + old,
                "those of " + this,
                "Choose another output folder, or remove this one.");
    }

    // More or fewer prompts: what is there of the parts that both have, is what would be written again.
    private boolean continues(AnswerPlan old, Path folder, List<Part> parts) {
        if (!old.of(promptsHash, prompts).equals(this)) return false;
        List<Part> there = parts.stream()
                .limit(Math.min(old.prompts, prompts) / promptsPerPart)
                .filter(part -> Files.exists(Part.file(folder, part.index())))
                .toList();
        return !there.isEmpty()
                && there.stream().allMatch(part -> part.whole(folder, this).isPresent());
    }

    private AnswerPlan of(String otherHash, int others) {
        return new AnswerPlan(
                schema,
                model,
                tokenizerHash,
                vocabSize,
                ends,
                otherHash,
                others,
                temperatures,
                topP,
                samples,
                maxTokens,
                context,
                seed,
                promptsPerPart,
                slots,
                topK,
                eyes,
                weights);
    }
}
