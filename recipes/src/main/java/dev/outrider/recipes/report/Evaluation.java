package dev.outrider.recipes.report;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.speculate.Generation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * What an evaluation measured: {@code evaluation.json}. All figures of one file come from one process on
 * one machine, speculative and autoregressive decoding in turns.
 *
 * @param compared greedy answers that were generated both ways
 * @param identical those of them with the very same tokens; anything less than all is a bug
 * @param definitions name of a figure to what it means
 * @param pairs drafts that differ in whether they see; without any, and in files of older versions, empty
 * @param outcomes of the pairs' drafts, prompt by prompt; what others did there may be left out
 */
public record Evaluation(
        Model target,
        List<Model> drafts,
        List<Row> rows,
        List<Sample> samples,
        long compared,
        long identical,
        Map<String, String> definitions,
        String machine,
        List<Pair> pairs,
        List<Outcome> outcomes) {
    /** The task name of rows over all tasks. */
    public static final String ALL_TASKS = "all";

    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    public Evaluation {
        pairs = listed(pairs);
        outcomes = listed(outcomes);
    }

    /** Of drafts none of which sees. */
    public Evaluation(
            Model target,
            List<Model> drafts,
            List<Row> rows,
            List<Sample> samples,
            long compared,
            long identical,
            Map<String, String> definitions,
            String machine) {
        this(target, drafts, rows, samples, compared, identical, definitions, machine, List.of(), List.of());
    }

    // Files of older versions lack what was added later.
    private static <T> List<T> listed(List<T> list) {
        return list == null ? List.of() : List.copyOf(list);
    }

    /**
     * @param parameters 0 for a table
     * @param read of them those that a pass reads for each token: all but an embedding that is only looked up in
     * @param weights type that they were held in while decoding; empty for a table
     */
    public record Model(String name, String path, long parameters, long read, String weights, String hash) {}

    /**
     * One draft on one task with one setting.
     *
     * @param tauLow 95 % interval of τ
     * @param c draft / target parameters
     * @param cRead the same of the parameters that a pass reads for each token
     * @param mbsuRead MBSU with that c
     * @param tokenRate tokens/s with the draft
     * @param baselineRate tokens/s of the same engine without one, on the same prompts
     * @param ratio of the two
     * @param predicted what τ and the measured times of plain passes, of drafting and of verifying let expect of it
     * @param joint acceptance by position, from 1
     */
    public record Row(
            String draft,
            String task,
            double temperature,
            int gamma,
            double tau,
            double tauLow,
            double tauHigh,
            double c,
            double mbsu,
            double cRead,
            double mbsuRead,
            double tokenRate,
            double baselineRate,
            double ratio,
            double predicted,
            double costRatio,
            List<Double> joint,
            List<Double> conditional,
            long tokens,
            long passes) {
        /** Over all tasks, greedy, from answers that were recorded: without times, which are NaN. */
        public static Row replayed(
                String draft,
                int gamma,
                double tau,
                double tauLow,
                double tauHigh,
                double c,
                double mbsu,
                List<Double> joint,
                List<Double> conditional,
                long tokens,
                long passes) {
            double no = Double.NaN;
            return new Row(
                    draft,
                    ALL_TASKS,
                    0,
                    gamma,
                    tau,
                    tauLow,
                    tauHigh,
                    c,
                    mbsu,
                    no,
                    no,
                    no,
                    no,
                    no,
                    no,
                    no,
                    joint,
                    conditional,
                    tokens,
                    passes);
        }
    }

    /** A piece of an answer, and whether the draft had guessed it. */
    public record Piece(String text, boolean drafted) {}

    /**
     * An answer as one draft guessed it. Samples of one task, prompt and γ that follow each other are shown together.
     *
     * @param pictures that the prompt is about, as {@link Thumbnail} gives them
     */
    public record Sample(
            String draft, String task, int gamma, String prompt, List<Piece> pieces, List<String> pictures) {
        public Sample {
            pictures = listed(pictures);
        }

        /** Without a picture. */
        public Sample(String draft, String task, int gamma, String prompt, List<Piece> pieces) {
            this(draft, task, gamma, prompt, pieces, List.of());
        }
    }

    /**
     * Two drafts that are alike but for the adapter: what the pictures are worth is the difference of the two.
     *
     * @param seeing the draft with the adapter
     * @param blind the one without
     * @param kinds task to the kind of task it is counted under, such as "needs the picture"; kinds are shown in the
     *     order in which they come first
     */
    public record Pair(String seeing, String blind, Map<String, String> kinds) {}

    /**
     * What one draft did on one prompt.
     *
     * @param prompt its id, unique within its task
     * @param tokens generated, without the one that the prompt's pass yielded
     * @param passes of the target, without the one over the prompt
     * @param accepted drafted tokens that are in the text
     * @param judged drafted tokens that the target came to judge: the accepted ones, and of each pass the one it refused
     */
    public record Outcome(
            String draft,
            String task,
            String prompt,
            double temperature,
            int gamma,
            long tokens,
            long passes,
            long accepted,
            long judged) {
        public static Outcome of(
                String draft, String task, String prompt, double temperature, int gamma, Generation generation) {
            List<Generation.Pass> passes = generation.passes();
            long accepted = passes.stream().mapToLong(Generation.Pass::accepted).sum();
            long refused = passes.stream()
                    .filter(p -> !p.cut() && p.accepted() < p.drafted())
                    .count();
            return new Outcome(
                    draft,
                    task,
                    prompt,
                    temperature,
                    gamma,
                    generation.tokens().length - 1,
                    passes.size(),
                    accepted,
                    accepted + refused);
        }
    }

    public void write(Path file) {
        AtomicFiles.file(file, t -> JSON.writeValue(t.toFile(), this));
    }

    public static Evaluation read(Path file) {
        try {
            return JSON.readValue(file.toFile(), Evaluation.class);
        } catch (IOException e) {
            throw new Failure(
                    Failure.Kind.DATA,
                    file.toString(),
                    e.getMessage(),
                    "an evaluation written by this version",
                    "Run the evaluate verb again.",
                    e);
        }
    }

    /** Whether recorded answers took the target's place, so that there are no times. */
    public boolean replayed() {
        return rows.stream().allMatch(r -> Double.isNaN(r.baselineRate()));
    }

    /** The row of one setting over all tasks, for tables. */
    public List<Row> overall() {
        return rows.stream().filter(r -> r.task().equals(ALL_TASKS)).toList();
    }
}
