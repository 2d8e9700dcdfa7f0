package dev.outrider.decode.device.cpu;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Precision;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.Function;
import jdk.incubator.vector.FloatVector;

/**
 * What the machine itself can do, to be printed beside what training and decoding reach in the same run:
 * the rate of the matrix product (training's limit) and of reading memory (decoding's).
 */
public final class GemmRate {
    private static final int TIMES = 7;
    /** Long enough for the compiler to have done its work. */
    private static final long WARM_NANOS = 500_000_000;

    private GemmRate() {}

    /** A product of training: rows are tokens. */
    public record Shape(int rows, int in, int out) {
        double operations() {
            return 2.0 * rows * in * out;
        }
    }

    /**
     * GFLOP/s of x · wᵀ, the work of all shapes over the sum of their median times. Takes about
     * a second for each shape of a 115M model.
     *
     * @param precision BF16: factors that are BF16 already, on a device of this precision
     */
    public static double gflops(CpuDevice device, Precision precision, Shape... shapes) {
        double operations = 0, nanos = 0;
        for (Shape shape : shapes) {
            operations += shape.operations();
            nanos += precision == Precision.F32 ? nanos(device, shape) : mixedNanos(device, shape);
        }
        return operations / nanos;
    }

    /** Seconds of one such product. */
    public static double seconds(CpuDevice device, Precision precision, Shape s) {
        return (precision == Precision.F32 ? nanos(device, s) : mixedNanos(device, s)) * 1e-9;
    }

    /** Seconds of one such product with a finished model's matrix of float32, held as that model's are. */
    public static double forwardSeconds(CpuDevice device, Function<Tensor, Buffer> held, Shape s) {
        Buffer matrix = held.apply(Tensor.of("w", new float[s.in * s.out], s.out, s.in));
        Buffer x = filled(device, (long) s.rows * s.in), y = filled(device, (long) s.rows * s.out);
        double nanos = median(() -> device.linear(y, x, matrix, s.rows, s.in, s.out, 0));
        for (Buffer b : new Buffer[] {matrix, x, y}) device.free(b);
        return nanos * 1e-9;
    }

    private static double nanos(CpuDevice device, Shape s) {
        return nanos(device, s, (y, x, w) -> {
            Gemm.nt(device.threads(), y, s.out, x, s.in, w, s.in, s.rows, s.out, s.in, 0);
        });
    }

    private static double mixedNanos(CpuDevice device, Shape s) {
        return nanos(device, s, (y, x, w) -> {
            var a = new MixedGemm.Factor(DType.BF16, x);
            device.mixed().product(false, true, y, a, new MixedGemm.Factor(DType.BF16, w), s.rows, s.out, s.in, false);
        });
    }

    private interface Product {
        void run(long y, long x, long w);
    }

    private static double nanos(CpuDevice device, Shape s, Product product) {
        Buffer x = filled(device, (long) s.rows * s.in), w = filled(device, (long) s.out * s.in);
        Buffer y = filled(device, (long) s.rows * s.out);
        double nanos = median(() -> product.run(y.address(), x.address(), w.address()));
        device.free(x);
        device.free(w);
        device.free(y);
        return nanos;
    }

    /** GB/s of reading memory far larger than the caches, by all threads of the device, each in four streams. */
    public static double readGigabytes(CpuDevice device) {
        try (Reading reading = new Reading(device)) {
            return reading.bytes() / median(reading::once);
        }
    }

    /** Memory to be read again and again, for rates that are to be compared with what is measured between. */
    public static final class Reading implements AutoCloseable {
        private final CpuDevice device;
        private final int each;
        private final Buffer x;
        private final float[] sums;

        public Reading(CpuDevice device) {
            int threads = device.threads().count();
            this.device = device;
            each = (1 << 26) / threads;
            x = filled(device, (long) each * threads);
            sums = new float[threads];
        }

        public long bytes() {
            return x.bytes();
        }

        /** Reads all of it once. */
        public void once() {
            device.threads().run(sums.length, this::part);
            if (Float.isNaN(sums[0])) throw new AssertionError("what was read is not what was written");
        }

        private void part(int part) {
            sums[part] = readRow(x.address() + 4L * each * part, each / 4 & -Lanes.LANES);
        }

        @Override
        public void close() {
            device.free(x);
        }
    }

    /** The sum of four times so many floats. */
    private static float readRow(long at, int quarter) {
        FloatVector a = FloatVector.zero(Lanes.FLOATS), b = a, c = a, d = a;
        for (int i = 0; i < quarter; i += Lanes.LANES) {
            long from = at + 4L * i;
            a = Lanes.load(from).add(a);
            b = Lanes.load(from + 4L * quarter).add(b);
            c = Lanes.load(from + 8L * quarter).add(c);
            d = Lanes.load(from + 12L * quarter).add(d);
        }
        return Lanes.sum(a.add(b).add(c.add(d)));
    }

    private static Buffer filled(CpuDevice device, long elements) {
        Buffer buffer = device.allocate(DType.F32, elements);
        Elementwise.each(device.threads(), elements, (at, n) -> {
            for (int i = 0; i < n; i++) Lanes.set(buffer.address() + 4 * (at + i), (i % 17 - 8) / 16f);
        });
        return buffer;
    }

    private static double median(Runnable work) {
        long warm = System.nanoTime() + WARM_NANOS;
        do work.run();
        while (System.nanoTime() < warm);
        double[] nanos = new double[TIMES];
        for (int i = 0; i < TIMES; i++) {
            long start = System.nanoTime();
            work.run();
            nanos[i] = System.nanoTime() - start;
        }
        Arrays.sort(nanos);
        return nanos[TIMES / 2];
    }

    /** Prints both for shapes of the 115M model. @param arguments the number of threads, default all */
    public static void main(String[] arguments) {
        int threads = arguments.length > 0
                ? Integer.parseInt(arguments[0])
                : Runtime.getRuntime().availableProcessors();
        try (CpuDevice device = new CpuDevice(threads)) {
            System.out.println(device.name());
            for (Shape s : new Shape[] {new Shape(512, 1024, 2816), new Shape(2048, 1024, 3072)}) {
                System.out.printf(Locale.ROOT, "%s %.0f GFLOP/s%n", s, gflops(device, Precision.F32, s));
            }
            System.out.printf(Locale.ROOT, "reading memory: %.1f GB/s%n", readGigabytes(device));
        }
    }
}
