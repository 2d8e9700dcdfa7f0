package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Gelu;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Against the functions in double: Φ by its series, which has nothing in common with the kernel's approximation. */
class GeluRowsTest {
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

    static double plain(Gelu form, double x) {
        return x * (form == Gelu.QUICK ? 1 / (1 + Math.exp(-1.702 * x)) : normal(x));
    }

    /** Φ(x) = ½ + φ(x)·(x + x³/3 + x⁵/15 + ...), for |x| below 8; beyond it is 0 or 1 to 15 digits. */
    private static double normal(double x) {
        if (Math.abs(x) > 8) return x > 0 ? 1 : 0;
        double term = x, sum = x;
        for (int n = 3; n < 300; n += 2) sum += term *= x * x / n;
        return 0.5 + sum * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
    }

    @ParameterizedTest
    @EnumSource
    void forward(Gelu form) {
        Seeds.run(20, random -> {
            int n = 1 + random.nextInt(70_000);
            Buffer x = memory.normal(random, n, Math.pow(10, random.nextInt(-3, 3))), y = memory.zeros(n);
            device.gelu(form, y, x, n);
            double[] xs = Close.doubles(x);
            float[] ys = Native.floats(y);
            for (int i = 0; i < n; i++) {
                double expected = plain(form, xs[i]);
                assertThat((double) ys[i])
                        .as("gelu(%s)", xs[i])
                        .isBetween(expected - 4e-7 * (1 + Math.abs(xs[i])), expected + 4e-7 * (1 + Math.abs(xs[i])));
            }
            device.gelu(form, x, x, n);
            assertThat(Native.floats(x)).as("in place").isEqualTo(ys);
        });
    }

    @ParameterizedTest
    @EnumSource
    void whereARowEndsDoesNotMatter(Gelu form) {
        Seeds.run(5, random -> {
            int n = 5 * Lanes.LANES;
            Buffer x = memory.normal(random, n, 2), dy = memory.normal(random, n, 1);
            Buffer whole = memory.zeros(n), part = memory.zeros(n);
            device.gelu(form, whole, x, n);
            for (int i = 0; i < n; i++) device.gelu(form, part.slice(i, 1), x.slice(i, 1), 1);
            assertThat(Native.floats(part)).isEqualTo(Native.floats(whole));
            device.geluGradient(form, whole, dy, x, n);
            for (int i = 0; i < n; i++) device.geluGradient(form, part.slice(i, 1), dy.slice(i, 1), x.slice(i, 1), 1);
            assertThat(Native.floats(part)).isEqualTo(Native.floats(whole));
        });
    }

    @ParameterizedTest
    @EnumSource
    void gradientAgreesWithDifferences(Gelu form) {
        Seeds.run(10, random -> {
            int n = 1 + random.nextInt(300);
            Buffer x = memory.normal(random, n, 3), dy = memory.normal(random, n, 1), dx = memory.zeros(n);
            double[] dys = Close.doubles(dy);
            double[] expected = Differences.of(
                    v -> Differences.dot(
                            Arrays.stream(v).map(u -> plain(form, u)).toArray(), dys),
                    Close.doubles(x));
            device.geluGradient(form, dx, dy, x, n);
            Close.to(expected, dx, 2e-6);
        });
    }
}
