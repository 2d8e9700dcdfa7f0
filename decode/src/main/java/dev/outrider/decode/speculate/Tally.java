package dev.outrider.decode.speculate;

import java.util.Arrays;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * What speculative decoding brought, over all generations added. Every figure is a ratio of sums, so that
 * long texts weigh more; it is NaN where nothing was counted. The strings say what the figures mean and
 * stand beside them in every report.
 */
public final class Tally {
    /** {@link #blockEfficiency}. */
    public static final String BLOCK_EFFICIENCY =
            "block efficiency τ (tau_prefill_excluded) = generated tokens / target passes, the target's own token of"
                    + " every pass included; the pass that reads the prompt and the token it yields are left out."
                    + " 1 = no gain, γ + 1 = best.";

    /** {@link #blockEfficiencyWithPrefill}. */
    public static final String BLOCK_EFFICIENCY_WITH_PREFILL =
            "tau_prefill_counted = generated tokens / target passes, the prompt's pass and its token counted.";

    /** Why the third convention is not among the figures. */
    public static final String BLOCK_EFFICIENCY_DIRECT =
            "tau_direct (Hugging Face transformers) counts passes of which the first reads the prompt together with"
                    + " a proposal; drafting then starts one token earlier and the passes are others, so it does"
                    + " not follow from the passes counted here.";

    /** {@link #memoryBoundSpeedup}. */
    public static final String MEMORY_BOUND_SPEEDUP =
            "memory-bound speed-up MBSU = τ / (c·γ + 1), c = parameters of the draft / parameters of the target.";

    /** {@link #tokenRate}. */
    public static final String TOKEN_RATE =
            "token rate = generated tokens / second, the reading of the prompt and the token it yields left out.";

    /** {@link #costRatio}. */
    public static final String COST_RATIO = "measured cost ratio = time per drafted token / time per target pass.";

    /** {@link #predictedSpeedup}. */
    public static final String PREDICTED =
            "predicted ratio = τ · time of a plain pass / time that drafting and verifying take for a pass: what acceptance"
                    + " and the measured costs let expect.";

    /** {@link #interval}. */
    public static final String INTERVAL =
            "interval of τ = 95 % percentile bootstrap, generations drawn with replacement.";

    private static final int RESAMPLES = 1000;

    private final Acceptance acceptance = new Acceptance();

    // One entry a generation, the prompt's pass and its token left out.
    private long[] tokens = new long[16];
    private long[] passes = new long[16];
    private int generations;

    private long drafted;
    private long prefill;
    private long draft;
    private long verify;
    private long decode;

    /** Lower and upper end. */
    public record Interval(double low, double high) {}

    public void add(Generation generation) {
        if (generations == tokens.length) {
            tokens = Arrays.copyOf(tokens, 2 * generations);
            passes = Arrays.copyOf(passes, 2 * generations);
        }
        tokens[generations] = generation.tokens().length - 1;
        passes[generations++] = generation.passes().size();
        for (var pass : generation.passes()) {
            acceptance.add(pass);
            drafted += pass.drafted();
        }
        prefill += generation.times().prefill();
        draft += generation.times().draft();
        verify += generation.times().verify();
        decode += generation.times().decode();
    }

    public int generations() {
        return generations;
    }

    /** Generated tokens, those that the prompts' passes yielded included. */
    public long tokens() {
        return Arrays.stream(tokens).sum() + generations;
    }

    /** Target passes, those over the prompts left out. */
    public long passes() {
        return Arrays.stream(passes).sum();
    }

    /** Proposed tokens. */
    public long drafted() {
        return drafted;
    }

    /** Proposed tokens that are in the texts. */
    public long accepted() {
        return acceptance.accepted();
    }

    /** By position in the proposal. */
    public Acceptance acceptance() {
        return acceptance;
    }

    /** {@value #BLOCK_EFFICIENCY} */
    public double blockEfficiency() {
        return (double) (tokens() - generations) / passes();
    }

    /** {@value #BLOCK_EFFICIENCY_WITH_PREFILL} */
    public double blockEfficiencyWithPrefill() {
        return (double) tokens() / (passes() + generations);
    }

    /** {@value #MEMORY_BOUND_SPEEDUP} */
    public double memoryBoundSpeedup(double c, int gamma) {
        return memoryBoundSpeedup(blockEfficiency(), c, gamma);
    }

    /** {@value #MEMORY_BOUND_SPEEDUP} */
    public static double memoryBoundSpeedup(double blockEfficiency, double c, int gamma) {
        return blockEfficiency / (c * gamma + 1);
    }

    /** {@value #TOKEN_RATE} */
    public double tokenRate() {
        return (tokens() - generations) / (decode * 1e-9);
    }

    /** {@value #COST_RATIO} */
    public double costRatio() {
        return ((double) draft / drafted) / ((double) verify / passes());
    }

    /** {@value #PREDICTED} */
    public double predictedSpeedup(Tally alone) {
        double plain = (double) alone.verify / alone.passes(), round = (double) (draft + verify) / passes();
        return blockEfficiency() * plain / round;
    }

    /** Seconds spent on prompts, drafting, verifying, and everything after the prompts. */
    public double prefillSeconds() {
        return prefill * 1e-9;
    }

    public double draftSeconds() {
        return draft * 1e-9;
    }

    public double verifySeconds() {
        return verify * 1e-9;
    }

    public double decodeSeconds() {
        return decode * 1e-9;
    }

    /** {@value #INTERVAL} */
    public Interval interval(long seed) {
        RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
        double[] efficiencies = new double[RESAMPLES];
        for (int i = 0; i < RESAMPLES; i++) efficiencies[i] = resampled(random);
        Arrays.sort(efficiencies); // NaN, a resample without passes, last
        return new Interval(quantile(efficiencies, 0.025), quantile(efficiencies, 0.975));
    }

    private double resampled(RandomGenerator random) {
        long drawnTokens = 0;
        long drawnPasses = 0;
        for (int i = 0; i < generations; i++) {
            int drawn = random.nextInt(generations);
            drawnTokens += tokens[drawn];
            drawnPasses += passes[drawn];
        }
        return (double) drawnTokens / drawnPasses;
    }

    /** Linear between the two nearest of the sorted values. */
    private static double quantile(double[] sorted, double share) {
        double at = share * (sorted.length - 1);
        int below = (int) at;
        double part = at - below;
        return part == 0 ? sorted[below] : sorted[below] * (1 - part) + sorted[below + 1] * part;
    }
}
