package dev.outrider.trainer.loss;

import static dev.outrider.trainer.loss.Lanes.LANES;

import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import dev.outrider.trainer.Batch;
import dev.outrider.trainer.BatchLaws;

/**
 * Laws from what was stored while the target wrote its answers: p is known on its k likeliest ids, and of all
 * others (the tail) only the mass p_t = 1 - Σ p. The tail is one event for p and for q: the laws compared are
 * the <em>coarsened</em> ones over k + 1 events. That is done by giving p the shape of q in the tail,
 * p(x) = q(x) p_t / q_t, for then any divergence Σ q f(p/q) and its gradient are those of the coarsened laws:
 * the tail's mass is learnt, its shape is left alone. (A tail cut off or spread evenly would teach something
 * false: Sparse Logit Sampling, 2503.16870.)
 *
 * <p>What it costs, with c the coarsened and p|t, q|t the laws within the tail; all c are lower bounds:
 *
 * <ul>
 *   <li>TVD: c ≤ TVD ≤ c + min(p_t, q_t). So α lies between Σ min(p, q) over the stored ids and that plus
 *       min(p_t, q_t); the upper end is what is reported.
 *   <li>KL(p‖q): off by p_t KL(p|t ‖ q|t), which is bounded by no mass alone; its gradient by at most 2 p_t in
 *       the sum of its absolute values.
 *   <li>KL(q‖p): off by q_t KL(q|t ‖ p|t), unbounded as well.
 *   <li>JSD: off by at most (p_t log((p_t + q_t) / p_t) + q_t log((p_t + q_t) / q_t)) / 2 ≤ (p_t + q_t) log 2 / 2.
 *   <li>LK-hybrid: λ comes from the upper α and is too small by at most a factor exp(-η min(p_t, q_t)).
 * </ul>
 *
 * <p>Logarithms rounded to F16 add 2⁻¹¹ |log p| to each, and to the tail's mass at most 2⁻¹¹ times p's entropy.
 *
 * <p>For a draft that says only some tokens, stored ids that it cannot say are mass outside, known exactly; the
 * tail counts as sayable, unless no token that can be said is left for it.
 */
final class StoredLaws implements TargetLaws {
    /** Σ p of stored logarithms is not known better; the tail is never taken for less, so that KL(q‖p) is finite. */
    private static final double LEAST_TAIL = 1e-7;

    private final int vocabulary;
    private final DraftVocabulary outputs;
    private BatchLaws laws;

    StoredLaws(int vocabulary, DraftVocabulary outputs) {
        this.vocabulary = vocabulary;
        this.outputs = outputs;
    }

    @Override
    public void begin(Batch batch) {
        laws = batch.laws()
                .orElseThrow(() -> Failure.usage(
                        "distillation from stored laws",
                        "rows without them",
                        "answers that were generated with the target's likeliest tokens",
                        "Generate the answers anew with laws, or distil with the target at hand."));
    }

    @Override
    public boolean knows(Batch batch, int position) {
        if (position % batch.time() == batch.time() - 1) return false;
        return batch.laws().isEmpty()
                || batch.laws().get().ids()[(position + 1) * batch.laws().get().k()] >= 0;
    }

    @Override
    public void prepare(int first, int rows, int vocabulary) {}

    @Override
    public void read(LawPair x, int worker, int position) {
        int first = (position + 1) * laws.k(), end = first + laws.k();
        x.p.room(x.q.vocabulary);
        if (x.aside.length < laws.k()) x.aside = new float[laws.k()];
        double inside = 0, outside = 0;
        int said = 0;
        for (int i = first; i < end && laws.ids()[i] >= 0; i++) {
            int logit = logit(laws.ids()[i]);
            double p = Math.exp(laws.logs()[i]);
            if (logit < 0) {
                outside += p;
                continue;
            }
            inside += p;
            said++;
            x.aside[i - first] = x.q.probabilities[logit];
            x.q.probabilities[logit] = 0;
        }
        double draftTail = x.q.sum(), excess = Math.max(1, inside + outside), tail = 1 - (inside + outside) / excess;
        boolean sayable = said < x.q.vocabulary && draftTail > 1e-30;
        fill(x, sayable ? Math.max(tail, LEAST_TAIL) / draftTail : 0);
        restore(x, first, end, Math.log(excess));
        x.complete(outside / excess + (sayable ? 0 : tail));
    }

    private int logit(int id) {
        if (id >= vocabulary) {
            throw Failure.data(
                    "stored law of a token",
                    "id " + id,
                    "ids below " + vocabulary,
                    "The answers are another target's: generate them anew.");
        }
        return outputs == null ? id : outputs.draft(id);
    }

    /** p of the tail from q's. */
    private static void fill(LawPair x, double ratio) {
        float times = (float) ratio, plus = ratio == 0 ? Lanes.NOTHING : (float) Math.log(ratio);
        for (int i = 0; i < x.q.size; i += LANES) {
            Lanes.at(x.q.logs, i).add(plus).intoArray(x.p.logs, i);
            Lanes.at(x.q.probabilities, i).mul(times).intoArray(x.p.probabilities, i);
        }
    }

    /** p of the stored ids, divided by what rounding made more than 1; and q's probabilities back in their places. */
    private void restore(LawPair x, int first, int end, double excess) {
        int best = -1;
        for (int i = first; i < end && laws.ids()[i] >= 0; i++) {
            if (best < 0 || laws.logs()[i] > laws.logs()[best]) best = i;
            int logit = logit(laws.ids()[i]);
            if (logit < 0) continue;
            x.p.logs[logit] = (float) (laws.logs()[i] - excess);
            x.p.probabilities[logit] = (float) Math.exp(laws.logs()[i] - excess);
            x.q.probabilities[logit] = x.aside[i - first];
        }
        x.p.best = logit(laws.ids()[best]);
    }

    @Override
    public void close() {}
}
