package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Backward kernels against their scalar twins, and the twins against finite differences of the forward ones. */
class BackwardTest {
    private static final int[] SIZES = {1, 2, 3, 13, 16, 31, 64, 100, 207};

    private Native memory;
    private CpuDevice device;

    @BeforeEach
    void open() {
        memory = new Native();
        device = new CpuDevice(3);
    }

    @AfterEach
    void close() {
        device.close();
        memory.close();
    }

    private static int size(RandomGenerator random) {
        return SIZES[random.nextInt(SIZES.length)];
    }

    private static double[] normal(RandomGenerator random, int n) {
        return random.doubles(n).map(u -> 3 * u - 1.5).toArray();
    }

    @Test
    void rmsNormTwinAgreesWithDifferences() {
        Seeds.run(5, random -> {
            int n = 5, rows = 3;
            double[] x = normal(random, rows * n), gain = normal(random, n), dy = normal(random, rows * n);
            double[] dx = new double[rows * n], dgain = new double[n];
            Norm.scalarGradient(dx, dgain, dy, x, gain, 1e-3);
            Close.to(Differences.of(v -> Differences.dot(Norm.scalar(v, gain, 1e-3), dy), x), dx, 1e-8);
            Close.to(Differences.of(v -> Differences.dot(Norm.scalar(x, v, 1e-3), dy), gain), dgain, 1e-8);
        });
    }

    @Test
    void rmsNorm() {
        Seeds.run(40, random -> {
            int rows = size(random), n = size(random);
            Buffer x = memory.normal(random, rows * n, Math.pow(10, random.nextInt(-3, 4)));
            Buffer gain = memory.normal(random, n, 1), dy = memory.normal(random, rows * n, 1);
            Buffer dx = memory.normal(random, rows * n, 1), dgain = memory.normal(random, n, 1);
            double[] expected = Close.doubles(dx), expectedGain = Close.doubles(dgain);
            Norm.scalarGradient(
                    expected, expectedGain, Close.doubles(dy), Close.doubles(x), Close.doubles(gain), 1e-5f);
            device.rmsNormGradient(dx, dgain, dy, x, gain, rows, n, 1e-5f);
            Close.to(expected, dx, 1e-6 * Math.sqrt(n));
            Close.to(expectedGain, dgain, 1e-6 * Math.sqrt(rows));
        });
    }

    @Test
    void swigluTwinAgreesWithDifferences() {
        Seeds.run(50, random -> {
            double[] pair = normal(random, 2);
            double[] gradient = SwiGlu.scalarGradient(0.7, pair[0], pair[1]);
            Close.to(Differences.of(v -> 0.7 * SwiGlu.scalar(v[0], v[1]), pair), gradient, 1e-8);
        });
    }

    @Test
    void swiglu() {
        Seeds.run(40, random -> {
            int rows = size(random), n = size(random), stride = 2 * n;
            Buffer both = memory.normal(random, rows * stride, Math.pow(10, random.nextInt(-3, 3)));
            Buffer dy = memory.normal(random, rows * n, 1), gradients = memory.zeros(rows * stride);
            long length = both.elements() - n;
            device.swigluGradient(
                    gradients.slice(0, length),
                    gradients.slice(n, length),
                    dy,
                    both.slice(0, length),
                    both.slice(n, length),
                    rows,
                    stride,
                    n);
            double[] expected = new double[rows * stride], from = Close.doubles(both), d = Close.doubles(dy);
            for (int i = 0; i < rows * n; i++) {
                int at = i / n * stride + i % n;
                double[] pair = SwiGlu.scalarGradient(d[i], from[at], from[at + n]);
                expected[at] = pair[0];
                expected[at + n] = pair[1];
            }
            Close.to(expected, gradients, 2e-6);
        });
    }

    @Test
    void linear() {
        Seeds.run(40, random -> {
            int rows = size(random), in = size(random), out = size(random), beta = random.nextInt(2);
            Buffer dy = memory.normal(random, rows * out, 1), x = memory.normal(random, rows * in, 1);
            Buffer w = memory.normal(random, out * in, 1);
            Buffer dx = memory.normal(random, rows * in, beta == 0 ? Float.NaN : 1);
            Buffer dw = memory.normal(random, out * in, beta == 0 ? Float.NaN : 1);
            double[] inputs = Gemm.scalar(
                    false, false, Close.doubles(dx), dy.address(), out, w.address(), in, rows, in, out, beta);
            double[] weights = Gemm.scalar(
                    true, false, Close.doubles(dw), dy.address(), out, x.address(), in, out, in, rows, beta);
            device.linearInputGradient(dx, dy, w, rows, in, out, beta);
            device.linearWeightGradient(dw, dy, x, rows, in, out, beta);
            Close.to(inputs, dx, 1e-6 * Math.sqrt(out));
            Close.to(weights, dw, 1e-6 * Math.sqrt(rows));
        });
    }

    @Test
    void biasGradientIsTheSumOverRows() {
        Seeds.run(20, random -> {
            int rows = size(random), n = size(random);
            Buffer dy = memory.normal(random, rows * n, 1), db = memory.normal(random, n, 1);
            double[] expected = Close.doubles(db), d = Close.doubles(dy);
            for (int i = 0; i < rows * n; i++) expected[i % n] += d[i];
            device.addBiasGradient(db, dy, rows, n);
            Close.to(expected, db, 1e-6 * Math.sqrt(rows));
        });
    }

    @Test
    void equalIdsAddUpInTheEmbeddingGradient() {
        Seeds.run(20, random -> {
            int vocabulary = size(random), n = size(random), rows = size(random);
            Buffer table = memory.normal(random, vocabulary * n, 1), dy = memory.normal(random, rows * n, 1);
            int[] ids = random.ints(rows + 3, 0, vocabulary).toArray();
            double[] expected = Close.doubles(table), d = Close.doubles(dy);
            for (int i = 0; i < rows * n; i++) expected[ids[3 + i / n] * n + i % n] += d[i];
            device.embedGradient(table, dy, ids, 3, rows, n);
            Close.to(expected, table, 1e-6 * Math.sqrt(rows));
        });
    }

    @Test
    void sumOfSquaresIsInDouble() {
        for (int n : new int[] {1, 3, 64, 207, 16_384, 50_001}) {
            Buffer x = memory.normal(Seeds.generator(n), n, 1e25);
            double expected = Differences.dot(Close.doubles(x), Close.doubles(x));
            assertThat(device.sumOfSquares(x, n) / expected).isBetween(1 - 1e-13, 1 + 1e-13);
        }
    }
}
