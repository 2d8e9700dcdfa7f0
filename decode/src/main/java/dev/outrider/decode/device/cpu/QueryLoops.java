package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.FLOATS;
import static dev.outrider.decode.device.cpu.Lanes.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * {@link QueryGroup} on every machine: up to three queries, by the Vector API. What becomes of a query is summed in an order
 * that depends on its number of entries alone, whichever queries are beside it.
 */
final class QueryLoops extends QueryGroup {
    private static final int MOST = 3;

    /** Where the scores of a query begin. */
    private final int[] at = new int[MOST];

    private final float[] factor = new float[MOST];
    /** Of each query its scores, then room for a vector. */
    private final float[] scores;

    private final int apart;

    /** @param capacity most entries */
    QueryLoops(int capacity) {
        super(MOST, capacity);
        apart = capacity + LANES;
        scores = new float[MOST * apart];
    }

    @Override
    void attendAll(long keys, long values, int headDim) {
        for (int i = 0; i < count; i++) at[i] = i * apart;
        for (int i = count; i < MOST; i++) repeat(count - 1, i);
        score(keys, headDim);
        for (int i = 0; i < count; i++) soften(i);
        mix(values, headDim);
    }

    // In place of a query that is missing another is computed again, to the same places.
    private void repeat(int of, int i) {
        out[i] = out[of];
        query[i] = query[of];
        at[i] = at[of];
        seen[i] = seen[of];
    }

    private void score(long keys, int headDim) {
        float scale = (float) (1 / Math.sqrt(headDim));
        int most = Math.max(seen[0], Math.max(seen[1], seen[2]));
        long block = 4L * KeyBlocks.KEYS * headDim;
        for (int k = 0; k < most; k += KeyBlocks.KEYS, keys += block) {
            KeyBlocks.scoreRow(
                    scores, at[0] + k, at[1] + k, at[2] + k, query[0], query[1], query[2], keys, headDim, scale);
        }
    }

    // Scores become exp(score - greatest), and their sum the factor.
    private void soften(int i) {
        int from = at[i], sums = from + apart - LANES, end = from + (seen[i] + LANES - 1) / LANES * LANES;
        for (int j = from + seen[i]; j < end; j++) scores[j] = Float.NEGATIVE_INFINITY;
        exponentialsRow(scores, from, end, greatestRow(scores, from, end), sums);
        factor[i] = 1 / SkinnyProduct.folded(scores, sums);
    }

    private static float greatestRow(float[] scores, int from, int end) {
        FloatVector max = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        for (int j = from; j < end; j += LANES) max = max.max(FloatVector.fromArray(FLOATS, scores, j));
        return max.reduceLanes(VectorOperators.MAX);
    }

    // Past the entries it is e^-87, lost in a sum >= 1.
    private static void exponentialsRow(float[] scores, int from, int end, float max, int sums) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int j = from; j < end; j += LANES) {
            FloatVector e = Lanes.exp(FloatVector.fromArray(FLOATS, scores, j).sub(max));
            e.intoArray(scores, j);
            sum = sum.add(e);
        }
        sum.intoArray(scores, sums);
    }

    private void mix(long values, int headDim) {
        if (PairedHead.holds(headDim)) {
            for (int i = 0; i < count; i++)
                PairedHead.mix(scores, at[i], at[i] + apart - LANES, out[i], values, seen[i]);
        } else {
            int common = Math.min(seen[0], Math.min(seen[1], seen[2])), d = 0;
            for (; d + 4 * LANES <= headDim; d += 4 * LANES) together(values, d, common, headDim);
            for (int i = 0; i < count; i++) rest(i, values, d, common, headDim);
        }
        for (int i = 0; i < count; i++) scaleRow(out[i], factor[i], headDim);
    }

    private void together(long values, int d, int common, int headDim) {
        long to = 4L * d;
        mixRow(scores, at[0], at[1], at[2], out[0] + to, out[1] + to, out[2] + to, values + to, common, headDim);
    }

    // Entries that not all queries see, and channels that are not whole vectors by four.
    private void rest(int i, long values, int mixed, int common, int headDim) {
        int d = 0, from = at[i], n = seen[i];
        for (; d + LANES <= headDim; d += LANES) {
            vectorRow(scores, from, out[i] + 4L * d, values + 4L * d, d < mixed ? common : 0, n, headDim);
        }
        for (; d < headDim; d++) {
            float sum = 0;
            for (int j = 0; j < n; j++)
                sum = Math.fma(Lanes.get(values + 4L * ((long) headDim * j + d)), scores[from + j], sum);
            Lanes.set(out[i] + 4L * d, sum);
        }
    }

    /** Four vectors of the outputs of three queries: the sums of weight j · value j over the first n entries. */
    private static void mixRow(
            float[] weights, int w0, int w1, int w2, long out0, long out1, long out2, long values, int n, int stride) {
        FloatVector a0 = FloatVector.zero(FLOATS), a1 = a0, a2 = a0, a3 = a0;
        FloatVector b0 = a0, b1 = a0, b2 = a0, b3 = a0, c0 = a0, c1 = a0, c2 = a0, c3 = a0;
        for (int j = 0; j < n; j++, values += 4L * stride) {
            FloatVector v0 = Lanes.load(values), v1 = Lanes.load(values + 4L * LANES);
            FloatVector v2 = Lanes.load(values + 8L * LANES), v3 = Lanes.load(values + 12L * LANES);
            FloatVector w = Lanes.all(weights[w0 + j]);
            a0 = v0.fma(w, a0);
            a1 = v1.fma(w, a1);
            a2 = v2.fma(w, a2);
            a3 = v3.fma(w, a3);
            w = Lanes.all(weights[w1 + j]);
            b0 = v0.fma(w, b0);
            b1 = v1.fma(w, b1);
            b2 = v2.fma(w, b2);
            b3 = v3.fma(w, b3);
            w = Lanes.all(weights[w2 + j]);
            c0 = v0.fma(w, c0);
            c1 = v1.fma(w, c1);
            c2 = v2.fma(w, c2);
            c3 = v3.fma(w, c3);
        }
        Lanes.store(a0, out0);
        Lanes.store(a1, out0 + 4L * LANES);
        Lanes.store(a2, out0 + 8L * LANES);
        Lanes.store(a3, out0 + 12L * LANES);
        Lanes.store(b0, out1);
        Lanes.store(b1, out1 + 4L * LANES);
        Lanes.store(b2, out1 + 8L * LANES);
        Lanes.store(b3, out1 + 12L * LANES);
        Lanes.store(c0, out2);
        Lanes.store(c1, out2 + 4L * LANES);
        Lanes.store(c2, out2 + 8L * LANES);
        Lanes.store(c3, out2 + 12L * LANES);
    }

    // One vector of an output: entries from .. n - 1 come on top of what is there, if from > 0.
    private static void vectorRow(float[] weights, int at, long out, long values, int from, int n, int stride) {
        FloatVector sum = from == 0 ? FloatVector.zero(FLOATS) : Lanes.load(out);
        for (int j = from; j < n; j++) {
            sum = Lanes.load(values + 4L * stride * j).fma(Lanes.all(weights[at + j]), sum);
        }
        Lanes.store(sum, out);
    }

    private static void scaleRow(long out, float factor, int headDim) {
        int d = 0;
        for (; d + LANES <= headDim; d += LANES)
            Lanes.store(Lanes.load(out + 4L * d).mul(factor), out + 4L * d);
        for (; d < headDim; d++) Lanes.set(out + 4L * d, Lanes.get(out + 4L * d) * factor);
    }
}
