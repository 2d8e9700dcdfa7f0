package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.FLOATS;
import static dev.outrider.decode.device.cpu.Lanes.LANES;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * {@link QueryGroup} with the products as machine code ({@link AttentionCode}), which takes more queries at once than the
 * Vector API's compiler has registers for. The bits are those of {@link QueryLoops}.
 *
 * <p>Scores, later weights, lie as [blocks, queries, {@link KeyBlocks#KEYS}]. Weights of entries that a query does not see
 * are 0, so that all queries go over as many.
 */
final class QueryCode extends QueryGroup {
    static final boolean POSSIBLE = AttentionCode.POSSIBLE;

    private static final int MOST = AttentionCode.MOST, KEYS = KeyBlocks.KEYS, WIDEST = 512;

    /** Freed with the group. */
    private final MemorySegment memory;

    private final QueryLoops others;
    private final long arguments, factors, outs, queries, scores;
    private final float[] sums = new float[LANES];
    /** By number of queries. */
    private final AttentionCode[] codes = new AttentionCode[MOST];

    /** @param capacity most entries */
    QueryCode(int capacity) {
        super(MOST, capacity);
        others = new QueryLoops(capacity);
        long bytes = 4L * MOST * (capacity + KEYS), table = 8L * MOST;
        memory = Arena.ofAuto().allocate(AttentionCode.ARGUMENTS + 2 * table + 4L * MOST * WIDEST + bytes + 64, 64);
        arguments = memory.address();
        factors = arguments + AttentionCode.ARGUMENTS;
        outs = factors + table;
        queries = outs + table;
        scores = queries + 4L * MOST * WIDEST;
    }

    @Override
    void attendAll(long keys, long values, int headDim) {
        if (headDim % LANES != 0 || headDim > WIDEST) otherwise(keys, values, headDim);
        else {
            int most = 0;
            for (int i = 0; i < count; i++) {
                most = Math.max(most, seen[i]);
                Lanes.ALL.set(ValueLayout.JAVA_LONG_UNALIGNED, outs + 8L * i, out[i]);
                MemorySegment.copy(Lanes.ALL, query[i], Lanes.ALL, queries + 4L * headDim * i, 4L * headDim);
            }
            int blocks = (most + KEYS - 1) / KEYS;
            AttentionCode code = code(headDim);
            code.scores(arguments, scores, queries, keys, blocks);
            for (int i = 0; i < count; i++) soften(i, blocks);
            code.mix(arguments, outs, scores, values, most, factors);
        }
    }

    private AttentionCode code(int headDim) {
        AttentionCode code = codes[count - 1];
        if (code == null || code.channels != headDim) codes[count - 1] = code = AttentionCode.of(count, headDim);
        return code;
    }

    private void otherwise(long keys, long values, int headDim) {
        for (int i = 0; i < count; i++) {
            others.add(out[i], query[i], seen[i]);
            if (others.full() || i + 1 == count) others.attend(keys, values, headDim);
        }
    }

    // Scores become exp(score - greatest), and their sum the factor.
    private void soften(int i, int blocks) {
        long from = scores + 4L * KEYS * i, apart = 4L * KEYS * count;
        int vectors = (seen[i] + LANES - 1) / LANES, all = blocks * KEYS;
        for (int j = seen[i]; j < vectors * LANES; j++) Lanes.set(place(from, apart, j), Float.NEGATIVE_INFINITY);
        exponentialsRow(from, apart, vectors, greatestRow(from, apart, vectors), sums);
        for (int j = seen[i]; j < all; j++) Lanes.set(place(from, apart, j), 0);
        Lanes.set(factors + 4L * i, 1 / SkinnyProduct.folded(sums, 0));
    }

    private static long place(long from, long apart, int j) {
        return from + j / KEYS * apart + 4L * (j % KEYS);
    }

    private static float greatestRow(long from, long apart, int vectors) {
        FloatVector max = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        for (int v = 0; v < vectors; v++) max = max.max(Lanes.load(from + (v >> 1) * apart + (v & 1) * 4L * LANES));
        return max.reduceLanes(VectorOperators.MAX);
    }

    private static void exponentialsRow(long from, long apart, int vectors, float max, float[] sums) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int v = 0; v < vectors; v++) {
            long at = from + (v >> 1) * apart + (v & 1) * 4L * LANES;
            FloatVector e = Lanes.exp(Lanes.load(at).sub(max));
            Lanes.store(e, at);
            sum = sum.add(e);
        }
        sum.intoArray(sums, 0);
    }
}
