package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Against plain loops in double, whose gradient is compared with differences. */
class LayerNormTest {
    private static final int[] SIZES = {1, 2, 3, 13, 16, 31, 64, 100, 207};
    private static final float EPS = 1e-3f;

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

    static double[] plain(double[] x, double[] gain, double[] bias, double eps) {
        int n = gain.length;
        double[] y = new double[x.length];
        for (int r = 0; r < x.length / n; r++) {
            double[] row = Arrays.copyOfRange(x, r * n, (r + 1) * n);
            double mean = Arrays.stream(row).average().orElseThrow();
            double variance = Arrays.stream(row)
                    .map(v -> (v - mean) * (v - mean))
                    .average()
                    .orElseThrow();
            for (int i = 0; i < n; i++) y[r * n + i] = (row[i] - mean) / Math.sqrt(variance + eps) * gain[i] + bias[i];
        }
        return y;
    }

    @Test
    void forward() {
        Seeds.run(40, random -> {
            int rows = size(random), n = size(random);
            Buffer x = memory.normal(random, rows * n, Math.pow(10, random.nextInt(-3, 4)));
            Buffer gain = memory.normal(random, n, 1), bias = memory.normal(random, n, 1), y = memory.zeros(rows * n);
            device.layerNorm(y, x, gain, bias, rows, n, EPS);
            Close.to(plain(Close.doubles(x), Close.doubles(gain), Close.doubles(bias), EPS), y, 1e-5);
            device.layerNorm(x, x, gain, bias, rows, n, EPS);
            assertThat(Native.floats(x)).as("in place").isEqualTo(Native.floats(y));
        });
    }

    /** A mean far above the deviation: the sum of squares alone would lose it. */
    @Test
    void aLargeMeanIsTakenOff() {
        Seeds.run(5, random -> {
            int n = 64;
            float[] values = Seeds.normal(random, n, 1);
            for (int i = 0; i < n; i++) values[i] += 3000;
            Buffer x = memory.of(values), gain = memory.normal(random, n, 1), bias = memory.normal(random, n, 1);
            Buffer y = memory.zeros(n);
            device.layerNorm(y, x, gain, bias, 1, n, 1e-5f);
            Close.to(plain(Close.doubles(x), Close.doubles(gain), Close.doubles(bias), 1e-5), y, 2e-3);
        });
    }

    @Test
    void gradientAgreesWithDifferences() {
        Seeds.run(20, random -> {
            int rows = 1 + random.nextInt(4), n = size(random);
            Buffer x = memory.normal(random, rows * n, 1), gain = memory.normal(random, n, 1);
            Buffer dy = memory.normal(random, rows * n, 1), bias = memory.normal(random, n, 1);
            Buffer dx = memory.normal(random, rows * n, 1), dgain = memory.normal(random, n, 1);
            Buffer dbias = memory.normal(random, n, 1);
            double[] xs = Close.doubles(x), gains = Close.doubles(gain), biases = Close.doubles(bias);
            double[] dys = Close.doubles(dy);
            double[] byX = Differences.of(v -> Differences.dot(plain(v, gains, biases, EPS), dys), xs);
            double[] byGain = Differences.of(v -> Differences.dot(plain(xs, v, biases, EPS), dys), gains);
            double[] byBias = Differences.of(v -> Differences.dot(plain(xs, gains, v, EPS), dys), biases);
            double[] expected = added(dx, byX),
                    expectedGain = added(dgain, byGain),
                    expectedBias = added(dbias, byBias);
            device.layerNormGradient(dx, dgain, dbias, dy, x, gain, rows, n, EPS);
            Close.to(expected, dx, 1e-5 * Math.sqrt(n));
            Close.to(expectedGain, dgain, 1e-5);
            Close.to(expectedBias, dbias, 1e-5);
        });
    }

    private static double[] added(Buffer to, double[] gradient) {
        double[] sum = Close.doubles(to);
        for (int i = 0; i < sum.length; i++) sum[i] += gradient[i];
        return sum;
    }
}
