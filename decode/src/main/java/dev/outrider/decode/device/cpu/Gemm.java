package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.LANES;
import static dev.outrider.decode.device.cpu.Lanes.get;
import static dev.outrider.decode.device.cpu.Lanes.getBf16;
import static dev.outrider.decode.device.cpu.Lanes.getF16;
import static dev.outrider.decode.device.cpu.Lanes.loadBf16;
import static dev.outrider.decode.device.cpu.Lanes.loadF16;
import static dev.outrider.decode.device.cpu.Lanes.set;
import static dev.outrider.decode.device.cpu.Lanes.store;
import static dev.outrider.decode.device.cpu.Lanes.whole;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.Layout;

/**
 * Large products: each thread makes a part of the output by one single-threaded OpenBLAS call, cut along
 * the larger of m and n. OpenBLAS sums each output over k in an order that follows from k alone, except
 * in its special cases for vectors and small matrices; cuts are such that a part is never such a case
 * where the whole is not, so the bits do not depend on the number of threads.
 */
final class Gemm {
    /** Cuts are at multiples of this, which OpenBLAS' tiles divide. */
    private static final int GRAIN = 64;

    /** Multiply-adds a part should have; half of it is still above OpenBLAS' small matrices (10^6). */
    private static final long PART = 1 << 21;

    /** Floats of a panel of narrow weights that are converted at a time. */
    private static final int PANEL = 1 << 18;

    private Gemm() {}

    /** c[m, n] = a[m, k] · b[n, k]ᵀ + beta · c. */
    static void nt(
            Threads threads, long c, int ldc, long a, int lda, long b, int ldb, int m, int n, int k, float beta) {
        product(threads, false, true, c, ldc, a, lda, b, ldb, m, n, k, beta);
    }

    /** c[m, n] = a[m, k] · b[k, n] + beta · c. */
    static void nn(
            Threads threads, long c, int ldc, long a, int lda, long b, int ldb, int m, int n, int k, float beta) {
        product(threads, false, false, c, ldc, a, lda, b, ldb, m, n, k, beta);
    }

    /** c[m, n] = a[k, m]ᵀ · b[k, n] + beta · c. */
    static void tn(
            Threads threads, long c, int ldc, long a, int lda, long b, int ldb, int m, int n, int k, float beta) {
        product(threads, true, false, c, ldc, a, lda, b, ldb, m, n, k, beta);
    }

    /** As {@link #nt}, b being BF16 or F16: panels of it are widened and multiplied, each by the thread that uses it. */
    static void ntWidened(
            Threads threads, Scratch[] scratch, DType type, long c, long a, long b, int m, int n, int k, float beta) {
        panels(threads, scratch, n, k, (w, from, count) -> {
            for (int r = 0; r < count; r++) widenRow(type, w + 4L * r * k, b + 2L * (from + r) * k, k);
            OpenBlas.sgemm(false, true, m, count, k, 1, a, k, w, k, beta, c + 4L * from, n);
        });
    }

    /** As {@link #ntWidened}, b being BF16 or I8 in tiles, panels of which become [k, outputs]. */
    static void ntTiled(
            Threads threads,
            Scratch[] scratch,
            long c,
            long a,
            Buffer b,
            Layout.Tiles layout,
            int m,
            int n,
            float beta) {
        int k = layout.inputs();
        long stride = layout.stride(b.type());
        panels(threads, scratch, n, k, (w, from, count) -> {
            int wide = upTo(Tiles.OUTS, count);
            for (int o = 0; o < count; o += Tiles.OUTS) {
                long tile = b.address() + (from + o) / Tiles.OUTS * stride;
                Tiles.widenTile(w + 4L * o, 4L * wide, tile, b.type(), k);
            }
            OpenBlas.sgemm(false, false, m, count, k, 1, a, k, w, wide, beta, c + 4L * from, n);
        });
    }

    /** Work on outputs from .. from + count - 1 with memory for a panel at w. */
    private interface Panel {
        void run(long w, int from, int count);
    }

    // Panels of whole units, alike in size and as many for each thread.
    private static void panels(Threads threads, Scratch[] scratch, int n, int k, Panel body) {
        Loading.of(OpenBlas::oneThread);
        int panel = panel(threads.count(), n, k), parts = Math.min(threads.count(), (n + panel - 1) / panel);
        threads.run(parts, part -> {
            long w = scratch[part].floats((long) panel * k);
            for (int from = part * panel; from < n; from += parts * panel) {
                body.run(w, from, Math.min(panel, n - from));
            }
        });
    }

    private static int panel(int threads, int n, int k) {
        int most = Math.max(GRAIN, PANEL / k / GRAIN * GRAIN), needed = (n + most - 1) / most;
        int even = upTo(threads, needed), panel = upTo(GRAIN, (n + even - 1) / even);
        // Of fewer outputs OpenBLAS might take a block of rows for a small product, whose sums it orders otherwise.
        long least = PART / ((long) Device.ROW_BLOCK * k);
        boolean small = panel < least || n % panel != 0 && n % panel < least;
        return small ? upTo(GRAIN, (n + needed - 1) / needed) : panel;
    }

    /** The least multiple that is not below n. */
    private static int upTo(int multiple, int n) {
        return (n + multiple - 1) / multiple * multiple;
    }

    private static void product(
            Threads threads,
            boolean ta,
            boolean tb,
            long c,
            int ldc,
            long a,
            int lda,
            long b,
            int ldb,
            int m,
            int n,
            int k,
            float beta) {
        Loading.of(OpenBlas::oneThread);
        int parts = parts(threads, m, n, k);
        if (parts <= 1) OpenBlas.sgemm(ta, tb, m, n, k, 1, a, lda, b, ldb, beta, c, ldc);
        else if (m >= n) {
            long step = ta ? 4 : 4L * lda;
            threads.run(parts, part -> {
                int from = cut(m, part, parts), count = cut(m, part + 1, parts) - from;
                long at = c + 4L * from * ldc;
                OpenBlas.sgemm(ta, tb, count, n, k, 1, a + from * step, lda, b, ldb, beta, at, ldc);
            });
        } else {
            long step = tb ? 4L * ldb : 4;
            threads.run(parts, part -> {
                int from = cut(n, part, parts), count = cut(n, part + 1, parts) - from;
                OpenBlas.sgemm(ta, tb, m, count, k, 1, a, lda, b + from * step, ldb, beta, c + 4L * from, ldc);
            });
        }
    }

    static int parts(Threads threads, int m, int n, int k) {
        if (Math.min(m, n) == 1) return 1;
        long most = Math.min((long) m * n * k / PART, Math.max(m, n) / GRAIN);
        return (int) Math.min(threads.count(), most);
    }

    static int cut(int length, int part, int parts) {
        return part == parts ? length : (int) ((long) (length / GRAIN) * part / parts) * GRAIN;
    }

    /** A row of {@code count} BF16 or F16 weights as floats. */
    static void widenRow(DType type, long to, long from, int count) {
        if (type == DType.F16) halfRow(to, from, count);
        else bf16Row(to, from, count);
    }

    private static void halfRow(long to, long from, int count) {
        int whole = whole(count);
        for (int i = 0; i < whole; i += LANES) store(loadF16(from + 2L * i), to + 4L * i);
        for (int i = whole; i < count; i++) set(to + 4L * i, getF16(from + 2L * i));
    }

    private static void bf16Row(long to, long from, int count) {
        int whole = whole(count);
        for (int i = 0; i < whole; i += LANES) store(loadBf16(from + 2L * i), to + 4L * i);
        for (int i = whole; i < count; i++) set(to + 4L * i, getBf16(from + 2L * i));
    }

    /** The scalar twin: c[m, n] = op(a) · op(b) + beta · c in double. */
    static double[] scalar(
            boolean ta, boolean tb, double[] c, long a, int lda, long b, int ldb, int m, int n, int k, double beta) {
        double[] out = new double[m * n];
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < n; j++) {
                double sum = 0;
                for (int l = 0; l < k; l++) {
                    double x = get(a + 4L * (ta ? (long) l * lda + i : (long) i * lda + l));
                    sum += x * get(b + 4L * (tb ? (long) j * ldb + l : (long) l * ldb + j));
                }
                out[i * n + j] = beta == 0 ? sum : sum + beta * c[i * n + j];
            }
        }
        return out;
    }
}
