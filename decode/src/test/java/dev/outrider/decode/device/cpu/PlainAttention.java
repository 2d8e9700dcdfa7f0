package dev.outrider.decode.device.cpu;

/** Attention of one query over entries that lie one after the other, by scalar loops in double. */
final class PlainAttention {
    private PlainAttention() {}

    /**
     * out[to..] = softmax(q·K / √D) · V over the first n entries of key/value head g.
     *
     * @param q its D numbers begin at {@code from}
     * @param keys [entries, G, D]; values alike
     */
    static void attend(
            float[] out, int to, float[] q, int from, float[] keys, float[] values, int n, int g, int kvHeads, int d) {
        double[] weights = new double[n];
        double max = Double.NEGATIVE_INFINITY, sum = 0;
        for (int j = 0; j < n; j++) {
            for (int i = 0; i < d; i++) weights[j] += (double) q[from + i] * keys[(j * kvHeads + g) * d + i];
            max = Math.max(max, weights[j] /= Math.sqrt(d));
        }
        for (int j = 0; j < n; j++) sum += weights[j] = Math.exp(weights[j] - max);
        for (int i = 0; i < d; i++) {
            double mixed = 0;
            for (int j = 0; j < n; j++) mixed += weights[j] / sum * values[(j * kvHeads + g) * d + i];
            out[to + i] = (float) mixed;
        }
    }
}
