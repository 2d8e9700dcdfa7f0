package dev.outrider.decode.speculate;

/** The token of temperature 0: the largest logit, the lowest id among equals. */
final class Greedy {
    private Greedy() {}

    /** Changes the logits where there is a repetition penalty. */
    static int pick(float[] logits, Sampling sampling, History history) {
        if (sampling.repetitionPenalty() != 1) history.penalise(logits, sampling.repetitionPenalty());
        return argmax(logits);
    }

    static int argmax(float[] logits) {
        float max = Float.NEGATIVE_INFINITY;
        for (float logit : logits) max = Math.max(max, logit); // NaN if any is
        if (!Float.isFinite(max)) throw Law.notFinite(max);
        int id = 0;
        while (logits[id] != max) id++;
        return id;
    }
}
