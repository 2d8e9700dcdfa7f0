package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SkinnyProductTest {
    private Native memory;

    @BeforeEach
    void open() {
        memory = new Native();
    }

    @AfterEach
    void close() {
        memory.close();
    }

    @Test
    void rowsHaveTheBitsTheyHaveAlone() {
        Seeds.run(24, random -> {
            int in = size(random), out = size(random);
            Buffer x = memory.normal(random, 32 * in, 1), w = weights(random, in, out);
            float[] alone = alone(x, w, in, out);
            for (int rows = 1; rows <= 32; rows++) {
                Buffer y = memory.zeros(rows * out);
                linear(1 + random.nextInt(3), y, x, w, rows, in, out, 0);
                assertThat(Native.floats(y)).isEqualTo(java.util.Arrays.copyOf(alone, rows * out));
            }
        });
    }

    @Test
    void vectorsAndScalarsGiveTheSameBits() {
        Seeds.run(40, random -> {
            int in = size(random), out = size(random), rows = 1 + random.nextInt(32);
            Buffer x = memory.normal(random, rows * in, 1), w = weights(random, in, out);
            Buffer start = memory.normal(random, rows * out, 1);
            float beta = random.nextInt(2);
            Buffer fast = memory.of(Native.floats(start)), slow = memory.of(Native.floats(start));
            linear(1 + random.nextInt(3), fast, x, w, rows, in, out, beta);
            SkinnyProduct.scalar(slow, x, w, rows, in, out, beta);
            assertThat(Native.floats(fast)).isEqualTo(Native.floats(slow));
        });
    }

    @Test
    void agreesWithDoubles() {
        Seeds.run(20, random -> {
            int in = size(random), out = size(random), rows = 1 + random.nextInt(32);
            Buffer x = memory.normal(random, rows * in, 1), w = weights(random, in, out);
            Buffer y = memory.zeros(rows * out);
            linear(2, y, x, w, rows, in, out, 0);
            for (int r = 0; r < rows; r++) {
                for (int o = 0; o < out; o++) {
                    assertThat((double) Native.value(y, (long) r * out + o))
                            .isCloseTo(dot(x, r, w, o, in), within(1e-6 * Math.sqrt(in) * 4));
                }
            }
        });
    }

    @Test
    void theTypeOfWeightsCountsByTheirValuesOnly() {
        Seeds.run(20, random -> {
            int in = size(random), out = size(random), rows = 1 + random.nextInt(32);
            Buffer x = memory.normal(random, rows * in, 1), values = memory.normal(random, in * out, 1);
            Buffer w = memory.bf16(values), wide = memory.of(Native.floats(w));
            Buffer narrow = memory.zeros(rows * out), full = memory.zeros(rows * out);
            linear(2, narrow, x, w, rows, in, out, 0);
            linear(1, full, x, wide, rows, in, out, 0);
            assertThat(Native.floats(narrow)).isEqualTo(Native.floats(full));
        });
    }

    // Every row as the only one.
    private float[] alone(Buffer x, Buffer w, int in, int out) {
        Buffer y = memory.zeros(32 * out);
        for (int r = 0; r < 32; r++) {
            linear(1, y.slice((long) r * out, out), x.slice((long) r * in, in), w, 1, in, out, 0);
        }
        return Native.floats(y);
    }

    private static void linear(int threads, Buffer y, Buffer x, Buffer w, int rows, int in, int out, float beta) {
        try (Threads workers = new Threads(threads)) {
            SkinnyProduct.linear(workers, y, x, w, rows, in, out, beta);
        }
    }

    private static double dot(Buffer x, int row, Buffer w, int o, int in) {
        double sum = 0;
        for (int i = 0; i < in; i++) {
            sum += (double) Native.value(x, (long) row * in + i) * Native.value(w, (long) o * in + i);
        }
        return sum;
    }

    private Buffer weights(RandomGenerator random, int in, int out) {
        Buffer values = memory.normal(random, in * out, 1);
        return switch (random.nextInt(3)) {
            case 0 -> values;
            case 1 -> memory.bf16(values);
            default -> memory.f16(values);
        };
    }

    private static int size(RandomGenerator random) {
        return 1 + random.nextInt(random.nextBoolean() ? 20 : 300);
    }
}
