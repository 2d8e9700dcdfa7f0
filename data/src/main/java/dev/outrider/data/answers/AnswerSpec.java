package dev.outrider.data.answers;

import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.model.WeightType;
import java.nio.file.Path;
import java.util.List;

/**
 * What {@link Answers} is to do.
 *
 * @param target model directory (or llama2.c .bin) with a tokenizer
 * @param output folder for the parts; one that holds parts of the same job is continued
 * @param temperatures every prompt is answered at each; 0 is greedy
 * @param topP used above temperature 0
 * @param samples answers at each temperature above 0
 * @param maxTokens most tokens of an answer
 * @param context most tokens of prompt and answer together; at most the model's
 * @param promptsPerPart what a kill can lose: a file is written for so many prompts
 * @param threads of a process; 0: all processors
 * @param slots answers in work at a time; 0: {@link #SLOTS}, or fewer where their caches would fill the memory
 * @param topK ids whose probabilities are kept at every token of an answer; 0: none
 * @param eyes where the pictures of prompts are, for a target that sees
 * @param weights how the target's matrices are held
 */
public record AnswerSpec(
        Prompts prompts,
        Path target,
        Path output,
        List<Double> temperatures,
        double topP,
        int samples,
        int maxTokens,
        int context,
        long seed,
        int promptsPerPart,
        int threads,
        int slots,
        int topK,
        AnswerEyes eyes,
        WeightType weights) {
    /** The temperatures of arXiv 2404.08856. */
    public static final List<Double> TEMPERATURES = List.of(0.0, 0.3, 0.7, 1.0);

    /** Enough for products to reach the machine's rate. */
    public static final int SLOTS = 64;

    public AnswerSpec(
            Prompts prompts,
            Path target,
            Path output,
            List<Double> temperatures,
            double topP,
            int samples,
            int maxTokens,
            int context,
            long seed,
            int promptsPerPart,
            int threads) {
        this(
                prompts,
                target,
                output,
                temperatures,
                topP,
                samples,
                maxTokens,
                context,
                seed,
                promptsPerPart,
                threads,
                0,
                0);
    }

    /** For prompts without pictures. */
    public AnswerSpec(
            Prompts prompts,
            Path target,
            Path output,
            List<Double> temperatures,
            double topP,
            int samples,
            int maxTokens,
            int context,
            long seed,
            int promptsPerPart,
            int threads,
            int slots,
            int topK) {
        this(
                prompts,
                target,
                output,
                temperatures,
                topP,
                samples,
                maxTokens,
                context,
                seed,
                promptsPerPart,
                threads,
                slots,
                topK,
                AnswerEyes.NONE,
                WeightType.STORED);
    }

    /** The same, with eyes, of a target whose matrices are held so. */
    public AnswerSpec with(AnswerEyes eyes, WeightType weights) {
        return new AnswerSpec(
                prompts,
                target,
                output,
                temperatures,
                topP,
                samples,
                maxTokens,
                context,
                seed,
                promptsPerPart,
                threads,
                slots,
                topK,
                eyes,
                weights);
    }

    public AnswerSpec {
        temperatures = List.copyOf(temperatures);
        require(!temperatures.isEmpty(), "no temperatures", "at least one");
        require(temperatures.stream().allMatch(t -> t >= 0), "temperatures " + temperatures, "0 or more");
        require(
                temperatures.stream().distinct().count() == temperatures.size(),
                "temperatures " + temperatures,
                "different ones");
        require(topP > 0 && topP <= 1, "top_p " + topP, "a number in (0, 1]");
        require(samples >= 1, "samples " + samples, "1 or more");
        require(maxTokens >= 1, "max tokens " + maxTokens, "1 or more");
        require(context >= 2, "context " + context, "2 or more");
        require(promptsPerPart >= 1, "prompts per part " + promptsPerPart, "1 or more");
        require(threads >= 0, "threads " + threads, "0 (automatic) or more");
        require(slots >= 0, "slots " + slots, "0 (automatic) or more");
        require(topK >= 0, "top k " + topK, "0 (none) or more");
    }

    private static void require(boolean ok, String found, String expected) {
        if (!ok) throw Failure.usage("answers", found, expected, "Correct the setting.");
    }
}
