package dev.outrider.decode.device.cuda;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.Map;

/**
 * cuBLASLt in Java, as its documentation has it: column-major matrices with leading dimensions, transposition, strided
 * batches; sums in double. On the memory and streams of a {@link FakeDriver}.
 */
final class FakeBlas extends FakeLibrary {
    static final int ALLOCATION_FAILED = 3, INVALID_VALUE = 7, NOT_SUPPORTED = 15, INTERNAL_ERROR = 14;

    private final FakeDriver driver;
    private long next = 0x5000;
    private final Map<Long, Matrix> layouts = new HashMap<>();
    private final Map<Long, int[]> products = new HashMap<>();
    private final Map<Long, long[]> preferences = new HashMap<>();
    private final Map<Long, Boolean> handles = new HashMap<>();
    /** Of the last heuristic: the bytes that addresses are multiples of. */
    int alignment;
    /** Whether the heuristic knows a way. */
    boolean able = true;

    FakeBlas(FakeDriver driver) {
        super("cublasLt", INTERNAL_ERROR);
        this.driver = driver;
    }

    private static final class Matrix {
        int type;
        long rows, columns, leading, stride;
        int batch = 1;

        int elementBytes() {
            return type == 0 ? 4 : 2;
        }

        long bytes() {
            return ((batch - 1) * stride + (columns - 1) * leading + rows) * elementBytes();
        }

        double at(long base, int matrix, long row, long column) {
            long i = matrix * stride + column * leading + row;
            MemorySegment all = memory(base, bytes());
            if (type == 0) return all.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
            short bits = all.getAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i);
            return type == 14 ? Float.intBitsToFloat(bits << 16) : Float.float16ToFloat(bits);
        }
    }

    int leaks() {
        return layouts.size() + products.size() + preferences.size() + handles.size();
    }

    void dropAll() {
        for (Map<Long, ?> all : java.util.List.of(layouts, products, preferences, handles)) all.clear();
    }

    public long cublasLtGetVersion() {
        return 120_804;
    }

    public long cublasLtGetStatusString(int status) {
        return text(status == NOT_SUPPORTED ? "the functionality is not supported" : "status of " + status);
    }

    private <T> int make(Map<Long, T> all, long out, T made) {
        all.put(next, made);
        putLong(out, next++);
        return 0;
    }

    private int drop(Map<Long, ?> all, long handle) {
        return all.remove(handle) == null ? complain(INVALID_VALUE, "destroy of " + handle) : 0;
    }

    public int cublasLtCreate(long out) {
        if (!driver.isEntered()) return complain(1, "cublasLtCreate without a context");
        return make(handles, out, true);
    }

    public int cublasLtDestroy(long handle) {
        return drop(handles, handle);
    }

    public int cublasLtMatrixLayoutCreate(long out, int type, long rows, long columns, long leading) {
        if (leading < rows) return complain(INVALID_VALUE, "columns of " + rows + " every " + leading);
        Matrix made = new Matrix();
        made.type = type;
        made.rows = rows;
        made.columns = columns;
        made.leading = leading;
        return make(layouts, out, made);
    }

    public int cublasLtMatrixLayoutSetAttribute(long layout, int attribute, long value, long size) {
        Matrix m = layouts.get(layout);
        if (m == null) return complain(INVALID_VALUE, "layout " + layout);
        if (attribute == 5 && size == 4) m.batch = intAt(value);
        else if (attribute == 6 && size == 8) m.stride = longAt(value);
        else return complain(INVALID_VALUE, "layout attribute " + attribute + " of " + size + " bytes");
        return 0;
    }

    public int cublasLtMatrixLayoutDestroy(long layout) {
        return drop(layouts, layout);
    }

    public int cublasLtMatmulDescCreate(long out, int compute, int scale) {
        if (compute != 68 || scale != 0) return complain(INVALID_VALUE, "compute type " + compute + ", " + scale);
        return make(products, out, new int[2]);
    }

    public int cublasLtMatmulDescSetAttribute(long product, int attribute, long value, long size) {
        int[] p = products.get(product);
        if (p == null || attribute < 3 || attribute > 4 || size != 4)
            return complain(INVALID_VALUE, "product attribute " + attribute);
        p[attribute - 3] = intAt(value);
        return 0;
    }

    public int cublasLtMatmulDescDestroy(long product) {
        return drop(products, product);
    }

    public int cublasLtMatmulPreferenceCreate(long out) {
        return make(preferences, out, new long[9]);
    }

    public int cublasLtMatmulPreferenceSetAttribute(long preference, int attribute, long value, long size) {
        long[] p = preferences.get(preference);
        if (p == null || attribute >= p.length || size != (attribute == 1 ? 8 : 4))
            return complain(INVALID_VALUE, "preference " + attribute + " of " + size + " bytes");
        p[attribute] = attribute == 1 ? longAt(value) : intAt(value);
        return 0;
    }

    public int cublasLtMatmulPreferenceDestroy(long preference) {
        return drop(preferences, preference);
    }

    public int cublasLtMatmulAlgoGetHeuristic(
            long handle,
            long product,
            long a,
            long b,
            long c,
            long d,
            long preference,
            int wanted,
            long results,
            long found) {
        long[] p = preferences.get(preference);
        if (p == null || !handles.containsKey(handle) || wanted != 1) return complain(INVALID_VALUE, "heuristic");
        for (int i = 6; i <= 8; i++) if (p[i] != p[5]) return complain(INVALID_VALUE, "unequal alignments");
        alignment = (int) p[5];
        putInt(found, able ? 1 : 0);
        // The algorithm's first word is the alignment that it relies on; the workspace follows its 64 bytes.
        memory(results, 96).fill((byte) 0);
        putLong(results, alignment);
        putLong(results + 64, p[1]);
        return 0;
    }

    public int cublasLtMatmul(
            long handle,
            long product,
            long alpha,
            long a,
            long layoutA,
            long b,
            long layoutB,
            long beta,
            long c,
            long layoutC,
            long d,
            long layoutD,
            long algorithm,
            long workspace,
            long workspaceBytes,
            long stream) {
        int[] p = products.get(product);
        Matrix ma = layouts.get(layoutA), mb = layouts.get(layoutB), md = layouts.get(layoutD);
        if (!handles.containsKey(handle) || p == null || ma == null || mb == null || md == null || c != d)
            return complain(INVALID_VALUE, "matmul");
        if (ma.type != mb.type || md.type != 0) return complain(NOT_SUPPORTED, "types");
        if (((a | b | d) & (longAt(algorithm) - 1)) != 0) return complain(INVALID_VALUE, "alignment");
        if (!driver.device.holds(workspace, workspaceBytes)) return complain(INVALID_VALUE, "workspace");
        if (!driver.device.holds(a, ma.bytes())
                || !driver.device.holds(b, mb.bytes())
                || !driver.device.holds(d, md.bytes())) return complain(INVALID_VALUE, "matrices out of bounds");
        boolean ta = p[0] != 0, tb = p[1] != 0;
        long k = ta ? ma.rows : ma.columns;
        if ((ta ? ma.columns : ma.rows) != md.rows
                || (tb ? mb.columns : mb.rows) != k
                || (tb ? mb.rows : mb.columns) != md.columns
                || ma.batch != md.batch
                || mb.batch != md.batch) return complain(INVALID_VALUE, "shapes do not fit");
        float alphaNow = memory(alpha, 4).get(ValueLayout.JAVA_FLOAT, 0);
        float betaNow = memory(beta, 4).get(ValueLayout.JAVA_FLOAT, 0);
        return driver.enqueue(stream, () -> multiply(ma, a, ta, mb, b, tb, md, d, k, alphaNow, betaNow));
    }

    private static void multiply(
            Matrix ma,
            long a,
            boolean ta,
            Matrix mb,
            long b,
            boolean tb,
            Matrix md,
            long d,
            long k,
            float alpha,
            float beta) {
        MemorySegment out = memory(d, md.bytes());
        for (int batch = 0; batch < md.batch; batch++)
            for (long row = 0; row < md.rows; row++)
                for (long column = 0; column < md.columns; column++) {
                    double sum = 0;
                    for (long i = 0; i < k; i++)
                        sum += (ta ? ma.at(a, batch, i, row) : ma.at(a, batch, row, i))
                                * (tb ? mb.at(b, batch, column, i) : mb.at(b, batch, i, column));
                    double before = beta == 0 ? 0 : beta * md.at(d, batch, row, column);
                    long at = batch * md.stride + column * md.leading + row;
                    out.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, at, (float) (alpha * sum + before));
                }
    }
}
