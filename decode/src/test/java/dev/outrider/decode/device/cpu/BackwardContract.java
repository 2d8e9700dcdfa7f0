package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Gelu;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Gradients but attention's, and the optimiser. */
public abstract class BackwardContract extends DeviceContract {
    private static final float EPS = 1e-3f;

    @Test
    public void rmsNorm() {
        Seeds.run(8, random -> {
            int rows = size(random), n = size(random);
            Buffer x = normal(random, rows * n, Math.pow(10, random.nextInt(-3, 4)));
            Buffer gain = normal(random, n, 1), dy = normal(random, rows * n, 1);
            Buffer dx = normal(random, rows * n, 1), dgain = normal(random, n, 1);
            double[] expected = doubles(dx), expectedGain = doubles(dgain);
            Norm.scalarGradient(expected, expectedGain, doubles(dy), doubles(x), doubles(gain), 1e-5f);
            device.rmsNormGradient(dx, dgain, dy, x, gain, rows, n, 1e-5f);
            close(expected, dx, 1e-6 * Math.sqrt(n));
            close(expectedGain, dgain, 1e-6 * Math.sqrt(rows));
        });
    }

    /** More rows than a slab of sums has. */
    @Test
    public void columnsOfManyRows() {
        RandomGenerator random = Seeds.generator(8);
        int rows = 600, n = 5;
        Buffer dy = normal(random, rows * n, 1), db = normal(random, n, 1);
        double[] expected = doubles(db), d = doubles(dy);
        for (int i = 0; i < rows * n; i++) expected[i % n] += d[i];
        device.addBiasGradient(db, dy, rows, n);
        close(expected, db, 1e-6 * Math.sqrt(rows));
    }

    @Test
    public void layerNorm() {
        Seeds.run(6, random -> {
            int rows = 1 + random.nextInt(4), n = size(random);
            Buffer x = normal(random, rows * n, 1), gain = normal(random, n, 1), bias = normal(random, n, 1);
            Buffer dy = normal(random, rows * n, 1), dx = normal(random, rows * n, 1);
            Buffer dgain = normal(random, n, 1), dbias = normal(random, n, 1);
            double[] xs = doubles(x), gains = doubles(gain), biases = doubles(bias), dys = doubles(dy);
            double[] byX = Differences.of(v -> Differences.dot(LayerNormTest.plain(v, gains, biases, EPS), dys), xs);
            double[] byGain = Differences.of(v -> Differences.dot(LayerNormTest.plain(xs, v, biases, EPS), dys), gains);
            double[] byBias = Differences.of(v -> Differences.dot(LayerNormTest.plain(xs, gains, v, EPS), dys), biases);
            double[] all = added(dx, byX), allGain = added(dgain, byGain), allBias = added(dbias, byBias);
            device.layerNormGradient(dx, dgain, dbias, dy, x, gain, rows, n, EPS);
            close(all, dx, 1e-5 * Math.sqrt(n));
            close(allGain, dgain, 1e-5);
            close(allBias, dbias, 1e-5);
        });
    }

    private double[] added(Buffer to, double[] gradient) {
        double[] sum = doubles(to);
        for (int i = 0; i < sum.length; i++) sum[i] += gradient[i];
        return sum;
    }

    @ParameterizedTest
    @EnumSource
    public void gelu(Gelu form) {
        Seeds.run(4, random -> {
            int n = 1 + random.nextInt(300);
            Buffer x = normal(random, n, 3), dy = normal(random, n, 1), dx = zeros(n);
            double[] dys = doubles(dy);
            double[] expected = Differences.of(
                    v -> Differences.dot(
                            Arrays.stream(v)
                                    .map(u -> GeluRowsTest.plain(form, u))
                                    .toArray(),
                            dys),
                    doubles(x));
            device.geluGradient(form, dx, dy, x, n);
            close(expected, dx, 2e-6);
        });
    }

    @Test
    public void swiglu() {
        Seeds.run(8, random -> {
            int rows = size(random), n = size(random), stride = 2 * n;
            Buffer both = normal(random, rows * stride, Math.pow(10, random.nextInt(-3, 3)));
            Buffer dy = normal(random, rows * n, 1), gradients = zeros(rows * stride);
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
            double[] expected = new double[rows * stride], from = doubles(both), d = doubles(dy);
            for (int i = 0; i < rows * n; i++) {
                int at = i / n * stride + i % n;
                double[] pair = SwiGlu.scalarGradient(d[i], from[at], from[at + n]);
                expected[at] = pair[0];
                expected[at + n] = pair[1];
            }
            close(expected, gradients, 2e-6);
        });
    }

    @Test
    public void linear() {
        Seeds.run(8, random -> {
            int rows = size(random), in = size(random), out = size(random), beta = random.nextInt(2);
            linear(random, rows, in, out, beta);
        });
    }

    /** Several tiles each way. */
    @Test
    public void linearOfSeveralTiles() {
        linear(Seeds.generator(9), 150, 140, 131, 1);
    }

    private void linear(RandomGenerator random, int rows, int in, int out, int beta) {
        Buffer dy = normal(random, rows * out, 1), x = normal(random, rows * in, 1), w = normal(random, out * in, 1);
        Buffer dx = normal(random, rows * in, beta == 0 ? Float.NaN : 1);
        Buffer dw = normal(random, out * in, beta == 0 ? Float.NaN : 1);
        long d = host.of(floats(dy)).address(), xs = host.of(floats(x)).address();
        long ws = host.of(floats(w)).address();
        double[] inputs = Gemm.scalar(false, false, doubles(dx), d, out, ws, in, rows, in, out, beta);
        double[] weights = Gemm.scalar(true, false, doubles(dw), d, out, xs, in, out, in, rows, beta);
        device.linearInputGradient(dx, dy, w, rows, in, out, beta);
        device.linearWeightGradient(dw, dy, x, rows, in, out, beta);
        close(inputs, dx, 1e-6 * Math.sqrt(out));
        close(weights, dw, 1e-6 * Math.sqrt(rows));
    }

    @Test
    public void embedding() {
        Seeds.run(8, random -> {
            int vocabulary = size(random), n = size(random), rows = size(random);
            Buffer table = normal(random, vocabulary * n, 1), dy = normal(random, rows * n, 1);
            int[] ids = random.ints(rows + 3, 0, vocabulary).toArray();
            float[] expected = floats(table), d = floats(dy);
            // In row order, so the bits are these.
            for (int i = 0; i < rows * n; i++) expected[ids[3 + i / n] * n + i % n] += d[i];
            device.embedGradient(table, dy, ids, 3, rows, n);
            assertThat(floats(table)).isEqualTo(expected);
        });
    }

    @Test
    public void sumOfSquaresIsInDouble() {
        for (int n : new int[] {1, 3, 64, 207, 16_384, 40_001}) {
            Buffer x = normal(Seeds.generator(n), n, 1e25);
            double expected = Differences.dot(doubles(x), doubles(x));
            assertThat(device.sumOfSquares(x, n) / expected).isBetween(1 - 1e-13, 1 + 1e-13);
        }
        assertThat(device.sumOfSquares(zeros(4), 0)).isZero();
    }

    @Test
    public void adamW() {
        for (int n : new int[] {1, 13, 64, 300}) {
            RandomGenerator random = Seeds.generator(n);
            Buffer p = normal(random, n, 1), m = zeros(n), v = zeros(n);
            double[] ps = doubles(p), ms = new double[n], vs = new double[n];
            for (int step = 1; step <= 5; step++) {
                Buffer g = normal(random, n, Math.pow(10, step - 3));
                AdamW.step(0.01, 0.9, 0.95, 1e-8, 0.1, 0.5, step).scalar(ps, doubles(g), ms, vs);
                device.adamW(p, g, m, v, n, 0.01, 0.9, 0.95, 1e-8, 0.1, 0.5, step);
            }
            close(ps, p, 1e-6);
            close(ms, m, 1e-6);
            close(vs, v, 1e-6);
        }
    }
}
