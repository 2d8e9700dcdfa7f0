package dev.outrider.decode.speculate;

import dev.outrider.decode.device.cpu.Exponentials;

/** The token of temperature 0: the largest logit, the lowest id among equals. */
final class Greedy {
    private Greedy() {}

    /** Changes the logits where there is a repetition penalty. */
    static int pick(float[] logits, Sampling sampling, History history) {
        if (sampling.repetitionPenalty() != 1) history.penalise(logits, sampling.repetitionPenalty());
        return argmax(logits);
    }

    static int argmax(float[] logits) {
        float max = Exponentials.max(logits); // NaN if any is
        if (!Float.isFinite(max)) throw Law.notFinite(max);
        return Exponentials.above(logits, 0, Math.nextDown(max));
    }
}
