package dev.outrider.decode.speculate;

import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.speculate.Calibration.Against;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Lets at each position the drafter propose that is known to be right more often there, and stops where one token
 * more would cost more than it is expected to bring. γ so is the most, not the number. With one drafter, a neural
 * draft, it is adaptive drafting: it stops where the draft is unsure.
 *
 * <p>Where the last candidate, the network, has been asked as well, the two are compared by how often each is right where
 * they differ; which tokens they find likeliest follows from the text, as their evidence does.
 *
 * <p>With a_i the expected rate of the guess at position i ({@link Calibration}), it brings a_1 · .. · a_i tokens
 * and costs a row more in the target's pass, and what the drafter takes. It is worth it if that is more than the
 * same time brings elsewhere: tokens per time of this text so far, at least the one token that a pass of one row
 * yields. A drafter that costs something is asked only if what it may turn out to know is worth its cost, on the mean
 * over its evidence as it came when it was calibrated.
 *
 * <p>Texts differ from those that were calibrated on: a candidate's rates are multiplied by how often its judged guesses
 * of this text were right, against how often they should have been, {@value #GUESSES_BEFORE} as calibrated put before.
 *
 * <p><b>Lossless</b>, because which drafter guesses at a position, and whether any does, is decided before the token
 * there is drawn, from what is then known: the text and what became of earlier guesses, the tokens proposed before it,
 * evidence on the law to draw from.
 * So given all that, the token is drawn from exactly the law q that stands beside it, and the {@link Verifier} makes
 * the text's next token one of p: whether by acceptance, from the residual, or, where nothing was proposed, from p
 * itself. Was the probability of the drawn token itself used to decide whether to keep it, its law would be another
 * one than q.
 */
public final class Combined implements Drafter {
    /** Passes with one token each that the rate of a text begins with. */
    private static final double PASSES_BEFORE = 8;

    /** Guesses, as right as calibrated, that a candidate begins a text with. */
    private static final double GUESSES_BEFORE = 8;

    private final String name;
    private final Candidate[] candidates;
    private final Calibration.Rates[] rates;
    /** By candidate, where the last one says another token; null where that is not known. */
    private final Calibration.Rates[] different;
    /** Of the last candidate, where the best of the others says the same; null where that is not known. */
    private final Calibration.Rates same;

    private final Costs costs;
    private final int[] proposed = new int[Decoder.MAX_GAMMA];
    private final Law[] laws = new Law[Decoder.MAX_GAMMA];
    private final int[] by = new int[Decoder.MAX_GAMMA];
    private final double[] rated = new double[Decoder.MAX_GAMMA];
    private int made;

    // By candidate, of the guesses of this text that were judged: how many should have been right, and were.
    private final double[] hoped;
    private final double[] right;

    // Of this text, in passes of one row.
    private double spent;
    private double gained;

    /**
     * A drafter to choose from.
     *
     * @param cost of a guess, in target passes of one row; 0 for tables
     */
    public record Candidate(StepDrafter drafter, double cost) {}

    /**
     * @param name for reports
     * @param candidates closed with this; among equals the earlier and cheaper is preferred
     * @param costs of the target; {@link Costs#FLAT} and free candidates always propose γ tokens where they can
     * @throws Failure USAGE where one was not calibrated or has another vocabulary
     */
    public Combined(String name, List<Candidate> candidates, Calibration calibration, Costs costs) {
        this.name = name;
        this.candidates = candidates.stream()
                .sorted(Comparator.comparingDouble(Candidate::cost))
                .toArray(Candidate[]::new);
        this.costs = costs;
        for (Candidate candidate : candidates) requireSame(candidate.drafter, candidates.getFirst().drafter);
        rates = new Calibration.Rates[this.candidates.length];
        hoped = new double[rates.length];
        right = new double[rates.length];
        different = new Calibration.Rates[rates.length];
        for (int i = 0; i < rates.length; i++) {
            StepDrafter drafter = this.candidates[i].drafter;
            rates[i] = calibration.rates(drafter);
            different[i] = calibration.against(Against.DIFFERENT, drafter).orElse(null);
        }
        same = calibration
                .against(Against.SAME, this.candidates[rates.length - 1].drafter)
                .orElse(null);
    }

    static void requireSame(StepDrafter one, StepDrafter first) {
        if (one.vocabulary() == first.vocabulary()) return;
        throw Failure.usage(
                "draft " + one.name(),
                "a vocabulary of " + one.vocabulary() + " tokens",
                first.vocabulary() + ", as draft " + first.name(),
                "Combine drafters for one target.");
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public int vocabulary() {
        return candidates[0].drafter.vocabulary();
    }

    /** Of all candidates together. */
    @Override
    public long parameters() {
        long sum = 0;
        for (Candidate candidate : candidates) sum += candidate.drafter.parameters();
        return sum;
    }

    @Override
    public void show(List<Picture> pictures) {
        for (Candidate candidate : candidates) candidate.drafter.show(pictures);
    }

    @Override
    public void begin(int[] context) {
        for (Candidate candidate : candidates) candidate.drafter.begin(context);
        spent = PASSES_BEFORE;
        gained = PASSES_BEFORE;
        Arrays.fill(hoped, GUESSES_BEFORE);
        Arrays.fill(right, GUESSES_BEFORE);
        made = 0;
    }

    @Override
    public Proposal propose(int count, Sampling sampling, Chance chance) {
        double reached = 1;
        for (made = 0; made < count; made++) {
            Choice choice = choose(reached);
            if (choice == null) break;
            by[made] = choice.candidate();
            rated[made] = choice.calibrated();
            propose(candidates[choice.candidate()].drafter, sampling, chance);
            reached *= choice.rate();
        }
        return made == 0 ? Proposal.NONE : new Proposal(proposed, laws, made);
    }

    private void propose(StepDrafter drafter, Sampling sampling, Chance chance) {
        int token = drafter.guess(sampling, chance);
        proposed[made] = token;
        laws[made] = sampling.greedy() ? null : drafter.law();
        for (Candidate candidate : candidates) candidate.drafter.push(token);
    }

    @Override
    public void hear(int kept, int next) {
        spent += costs.pass(made + 1);
        gained += kept + 1;
        // What comes after the first wrong guess is not judged.
        for (int i = 0; i < Math.min(made, kept + 1); i++) {
            hoped[by[i]] += rated[i];
            if (i < kept) right[by[i]]++;
        }
        made = 0;
        for (Candidate candidate : candidates) candidate.drafter.hear(kept, next);
    }

    @Override
    public void close() {
        for (Candidate candidate : candidates) candidate.drafter.close();
    }

    /**
     * @param candidate by number
     * @param rate of its guess expected in this text
     * @param calibrated and expected of any
     */
    private record Choice(int candidate, double rate, double calibrated) {}

    /** Who proposes the next token; null if none is worth it. */
    private Choice choose(double reached) {
        double price = Math.max(1, gained / spent);
        double row = costs.row(made + 1);
        Choice best = new Choice(-1, 0, 0);
        for (int i = 0; i < candidates.length; i++) {
            if (!candidates[i].drafter.ready() || !worthAsking(i, reached, best.rate, row, price)) continue;
            spent += candidates[i].cost;
            if (i == candidates.length - 1
                    && best.candidate >= 0
                    && same != null
                    && different[best.candidate] != null) {
                best = between(best.candidate, i);
            } else {
                Choice choice = choice(i, rates[i]);
                if (choice.rate > best.rate) best = choice;
            }
        }
        return best.candidate < 0 || reached * best.rate < price * row ? null : best;
    }

    private Choice choice(int i, Calibration.Rates by) {
        double calibrated = by.expected()[candidates[i].drafter.evidence()];
        return new Choice(i, Math.min(1, calibrated * here(i)), calibrated);
    }

    /** The better of a candidate and the last one, both of which have been asked, by what each is worth beside the other. */
    private Choice between(int i, int last) {
        if (candidates[i].drafter.likeliest() == candidates[last].drafter.likeliest()) return choice(last, same);
        Choice one = choice(i, different[i]), other = choice(last, different[last]);
        return other.rate >= one.rate ? other : one;
    }

    /** How much more often, or less, a candidate is right in this text than it was when calibrated. */
    private double here(int i) {
        return right[i] / hoped[i];
    }

    private boolean worthAsking(int i, double reached, double rate, double row, double price) {
        double cost = candidates[i].cost;
        if (cost == 0) return true;
        double without = Math.max(0, reached * rate - price * row);
        // reached · max(here · expected, rate) = reached · here · max(expected, rate / here)
        return rates[i].worth(reached * here(i), rate / here(i), price * row) - without >= price * cost;
    }
}
