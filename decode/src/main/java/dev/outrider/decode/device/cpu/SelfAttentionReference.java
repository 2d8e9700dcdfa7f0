package dev.outrider.decode.device.cpu;

/** The scalar twin of {@link SelfAttention}: plain loops in double, all of a head's probabilities at once. */
record SelfAttentionReference(int batch, int time, int heads, int kvHeads, int headDim, boolean causal) {
    private int stride() {
        return (heads + 2 * kvHeads) * headDim;
    }

    /** Element d of what lies in slot (query head, or heads + key head, or so on) of row (b, t). */
    private int at(int b, int t, int slot, int d) {
        return (b * time + t) * stride() + slot * headDim + d;
    }

    private int visible(int t) {
        return causal ? t + 1 : time;
    }

    private int key(int h) {
        return heads + h / (heads / kvHeads);
    }

    private int value(int h) {
        return key(h) + kvHeads;
    }

    /** Writes out [B·T, H·D] and logSum [B, H, T]. */
    void forward(double[] out, double[] logSum, double[] qkv) {
        for (int u = 0; u < batch * heads * time; u++) {
            int b = u / time / heads, h = u / time % heads, t = u % time;
            double[] p = scores(qkv, b, h, t);
            logSum[u] = logSum(p);
            for (int d = 0; d < headDim; d++) {
                double sum = 0;
                for (int s = 0; s < visible(t); s++) sum += Math.exp(p[s] - logSum[u]) * qkv[at(b, s, value(h), d)];
                out[((b * time + t) * heads + h) * headDim + d] = sum;
            }
        }
    }

    private double[] scores(double[] qkv, int b, int h, int t) {
        double[] scores = new double[visible(t)];
        for (int s = 0; s < visible(t); s++) {
            for (int d = 0; d < headDim; d++) scores[s] += qkv[at(b, t, h, d)] * qkv[at(b, s, key(h), d)];
            scores[s] /= Math.sqrt(headDim);
        }
        return scores;
    }

    private static double logSum(double[] scores) {
        double max = Double.NEGATIVE_INFINITY, sum = 0;
        for (double s : scores) max = Math.max(max, s);
        for (double s : scores) sum += Math.exp(s - max);
        return max + Math.log(sum);
    }

    /** Writes dqkv, from dout alone: forward is made anew. */
    void gradient(double[] dqkv, double[] dout, double[] qkv) {
        java.util.Arrays.fill(dqkv, 0);
        for (int u = 0; u < batch * heads * time; u++) {
            rowGradient(dqkv, dout, qkv, u / time / heads, u / time % heads, u % time);
        }
    }

    private void rowGradient(double[] dqkv, double[] dout, double[] qkv, int b, int h, int t) {
        double[] p = scores(qkv, b, h, t), dp = new double[visible(t)];
        double log = logSum(p), mean = 0;
        int row = ((b * time + t) * heads + h) * headDim;
        for (int s = 0; s < visible(t); s++) {
            p[s] = Math.exp(p[s] - log);
            for (int d = 0; d < headDim; d++) {
                dp[s] += dout[row + d] * qkv[at(b, s, value(h), d)];
                dqkv[at(b, s, value(h), d)] += p[s] * dout[row + d];
            }
            mean += p[s] * dp[s];
        }
        for (int s = 0; s < visible(t); s++) {
            double slope = p[s] * (dp[s] - mean) / Math.sqrt(headDim);
            for (int d = 0; d < headDim; d++) {
                dqkv[at(b, t, h, d)] += slope * qkv[at(b, s, key(h), d)];
                dqkv[at(b, s, key(h), d)] += slope * qkv[at(b, t, h, d)];
            }
        }
    }
}
