package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.ALL;
import static dev.outrider.decode.device.cpu.Lanes.LANES;
import static dev.outrider.decode.device.cpu.Lanes.get;
import static dev.outrider.decode.device.cpu.Lanes.load;
import static dev.outrider.decode.device.cpu.Lanes.loadDoubles;
import static dev.outrider.decode.device.cpu.Lanes.set;
import static dev.outrider.decode.device.cpu.Lanes.store;
import static dev.outrider.decode.device.cpu.Lanes.sum;
import static dev.outrider.decode.device.cpu.Lanes.whole;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.DoubleVector;

/** Sums, copies and biases: long buffers in chunks of {@link #CHUNK} elements, which are dealt in even runs. */
final class Elementwise {
    static final int CHUNK = 1 << 14;

    private Elementwise() {}

    /** A kernel over elements at .. at + count - 1. */
    @FunctionalInterface
    interface Chunk {
        void run(long at, int count);
    }

    static int chunks(long elements) {
        return Math.toIntExact((elements + CHUNK - 1) / CHUNK);
    }

    /** Runs the kernel over all elements, chunk by chunk. */
    static void each(Threads threads, long elements, Chunk chunk) {
        threads.split(chunks(elements), (from, to) -> {
            for (int c = from; c < to; c++) {
                long at = (long) c * CHUNK;
                chunk.run(at, (int) Math.min(CHUNK, elements - at));
            }
        });
    }

    /** y += x. */
    static void add(Threads threads, long y, long x, long elements) {
        if (threads.alone(elements)) add(y, x, (int) elements);
        else each(threads, elements, (at, n) -> add(y + 4 * at, x + 4 * at, n));
    }

    /** y += x, n elements. */
    static void add(long y, long x, int n) {
        int whole = whole(n);
        for (int i = 0; i < whole; i += LANES) store(load(y + 4L * i).add(load(x + 4L * i)), y + 4L * i);
        for (int i = whole; i < n; i++) set(y + 4L * i, get(y + 4L * i) + get(x + 4L * i));
    }

    /** y *= factor. */
    static void scale(Threads threads, long y, float factor, long elements) {
        if (threads.alone(elements)) scale(y, factor, (int) elements);
        else each(threads, elements, (at, n) -> scale(y + 4 * at, factor, n));
    }

    /** y *= factor, n elements. */
    static void scale(long y, float factor, int n) {
        int whole = whole(n);
        for (int i = 0; i < whole; i += LANES) store(load(y + 4L * i).mul(factor), y + 4L * i);
        for (int i = whole; i < n; i++) set(y + 4L * i, get(y + 4L * i) * factor);
    }

    static void copy(Threads threads, long from, long to, long bytes) {
        if (threads.alone(bytes >> 3)) MemorySegment.copy(ALL, from, ALL, to, bytes);
        else each(threads, bytes, (at, n) -> MemorySegment.copy(ALL, from + at, ALL, to + at, n));
    }

    static void zero(Threads threads, long x, long bytes) {
        if (threads.alone(bytes >> 3)) fill(x, (int) bytes);
        else each(threads, bytes, (at, n) -> fill(x + at, n));
    }

    private static void fill(long x, int bytes) {
        ALL.asSlice(x, bytes).fill((byte) 0);
    }

    /** y[r, :] += bias. */
    static void addBias(Threads threads, long y, long bias, int rows, int channels) {
        if (threads.alone((long) rows * channels)) addBias(y, bias, 0, rows, channels);
        else threads.split(rows, (from, to) -> addBias(y, bias, from, to, channels));
    }

    private static void addBias(long y, long bias, int from, int to, int channels) {
        for (int r = from; r < to; r++) add(y + 4L * r * channels, bias, channels);
    }

    /** db[c] += Σ over rows of dy[r, c], in row order; cut by columns. */
    static void addBiasGradient(Threads threads, long db, long dy, int rows, int channels) {
        if (threads.alone((long) rows * channels)) columnSums(db, dy, rows, 0, channels, channels);
        else threads.split(channels, (from, to) -> columnSums(db, dy, rows, from, to, channels));
    }

    private static void columnSums(long db, long dy, int rows, int from, int to, int channels) {
        for (int r = 0; r < rows; r++) add(db + 4L * from, dy + 4 * ((long) r * channels + from), to - from);
    }

    /** Σ x² in double: every chunk by itself, then the chunks in order. @param partial room for a double per chunk */
    static double sumOfSquares(Threads threads, long x, long elements, double[] partial) {
        int chunks = chunks(elements);
        if (threads.alone(elements)) squares(x, elements, partial, 0, chunks);
        else threads.split(chunks, (from, to) -> squares(x, elements, partial, from, to));
        double sum = 0;
        for (int c = 0; c < chunks; c++) sum += partial[c];
        return sum;
    }

    private static void squares(long x, long elements, double[] partial, int from, int to) {
        for (int c = from; c < to; c++) {
            long at = (long) c * CHUNK;
            partial[c] = squares(x + 4 * at, (int) Math.min(CHUNK, elements - at));
        }
    }

    private static double squares(long x, int n) {
        DoubleVector a = DoubleVector.zero(Lanes.DOUBLES), b = a;
        int half = LANES / 2, whole = whole(n);
        for (int i = 0; i < whole; i += LANES) {
            DoubleVector u = loadDoubles(x + 4L * i), v = loadDoubles(x + 4L * (i + half));
            a = u.fma(u, a);
            b = v.fma(v, b);
        }
        double sum = sum(a.add(b));
        for (int i = whole; i < n; i++) sum += (double) get(x + 4L * i) * get(x + 4L * i);
        return sum;
    }
}
