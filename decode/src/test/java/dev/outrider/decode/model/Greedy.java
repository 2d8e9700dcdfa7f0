package dev.outrider.decode.model;

import java.util.Arrays;
import java.util.List;

/** Text by the likeliest token, one at a time: the plainest user of a model. */
final class Greedy {
    private Greedy() {}

    /** What follows the prompt: {@code count} tokens, or fewer with one of {@code ends} as the last. */
    static int[] text(CausalModel model, int[] prompt, int count, List<Integer> ends) {
        int[] out = new int[count];
        model.truncate(0);
        model.read(prompt, 0, prompt.length, 1);
        for (int i = 0; i < count; i++) {
            out[i] = likeliest(model);
            if (ends.contains(out[i])) return Arrays.copyOf(out, i + 1);
            model.read(out, i, 1, 1);
        }
        return out;
    }

    private static int likeliest(CausalModel model) {
        float[] logits = new float[model.vocabulary()];
        model.logits(0, logits);
        int best = 0;
        for (int i = 1; i < logits.length; i++) if (logits[i] > logits[best]) best = i;
        return best;
    }
}
