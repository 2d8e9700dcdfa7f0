package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Forward kernels against their scalar twins, over sizes around and between whole vectors. */
class ForwardTest {
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

    @Test
    void exponential() {
        for (float x = -120; x < 120; x += 0.0673f) {
            Buffer at = memory.of(new float[Lanes.LANES]);
            Lanes.store(Lanes.exp(jdk.incubator.vector.FloatVector.broadcast(Lanes.FLOATS, x)), at.address());
            double expected = Math.exp(Math.clamp(x, (double) Lanes.LOWEST, Lanes.HIGHEST));
            assertThat(Native.value(at, 0)).isEqualTo(Lanes.exp(x));
            assertThat(Lanes.exp(x) / expected - 1).as("exp(%s)", x).isBetween(-2.5e-7, 2.5e-7);
        }
        assertThat(Lanes.exp(0f)).isEqualTo(1f);
        assertThat(Lanes.exp(Float.NaN)).isNaN();
    }

    /** Every finite float16, those without a leading one among them, and the same whole vector or not. */
    @Test
    void float16IsWidenedExactly() {
        float[] all = new float[0x10000];
        for (int i = 0; i < all.length; i++) {
            float value = Float.float16ToFloat((short) i);
            all[i] = Float.isFinite(value) ? value : 0;
        }
        Buffer half = memory.f16(memory.of(all)), wide = memory.zeros(all.length);
        Gemm.widenRow(half.type(), wide.address(), half.address(), all.length);
        assertThat(Native.floats(wide)).isEqualTo(all);
        Gemm.widenRow(half.type(), wide.address(), half.address() + 2, 5);
        assertThat(java.util.Arrays.copyOf(Native.floats(wide), 5)).isEqualTo(java.util.Arrays.copyOfRange(all, 1, 6));
    }

    @Test
    void rmsNorm() {
        Seeds.run(40, random -> {
            int rows = size(random), n = size(random);
            double scale = Math.pow(10, random.nextInt(-12, 13));
            Buffer x = memory.normal(random, rows * n, scale), gain = memory.normal(random, n, 1);
            Buffer half = memory.bf16(gain), y = memory.zeros(rows * n);
            device.rmsNorm(y, x, gain, rows, n, 1e-5f);
            Close.to(Norm.scalar(Close.doubles(x), Close.doubles(gain), 1e-5f), y, 2e-6);
            device.rmsNorm(x, x, gain, rows, n, 1e-5f);
            assertThat(Native.floats(x)).as("in place").isEqualTo(Native.floats(y));
            device.rmsNorm(y, x, half, rows, n, 1e-5f);
            Close.to(Norm.scalar(Close.doubles(x), Close.doubles(half), 1e-5f), y, 2e-6);
        });
    }

    @Test
    void swiglu() {
        Seeds.run(40, random -> {
            int rows = size(random), n = size(random), stride = 2 * n + random.nextInt(3);
            Buffer both = memory.normal(random, rows * stride, Math.pow(10, random.nextInt(-3, 4)));
            Buffer gate = both.slice(0, both.elements() - n), up = both.slice(n, both.elements() - n);
            Buffer y = memory.zeros(rows * n);
            device.swiglu(y, gate, up, rows, stride, n);
            double[] expected = new double[rows * n], from = Close.doubles(both);
            for (int i = 0; i < expected.length; i++) {
                int at = i / n * stride + i % n;
                expected[i] = SwiGlu.scalar(from[at], from[at + n]);
            }
            Close.to(expected, y, 1e-6);
        });
    }

    @Test
    void rope() {
        Seeds.run(40, random -> {
            int heads = 1 + random.nextInt(4), half = size(random), dim = 2 * half, stride = (heads + 1) * dim;
            int period = 1 + random.nextInt(20), rows = period * (1 + random.nextInt(3)), first = random.nextInt(5);
            int positions = first + period;
            double[] angles = random.doubles((long) positions * half, -4, 4).toArray();
            Buffer table = memory.zeros(2 * positions * half), x = memory.normal(random, rows * stride, 1);
            for (int i = 0; i < angles.length; i++) {
                Lanes.set(table.address() + 4L * i, (float) Math.cos(angles[i]));
                Lanes.set(table.address() + 4L * (i + angles.length), (float) Math.sin(angles[i]));
            }
            double[] before = Close.doubles(x), expected = before.clone();
            for (int u = 0; u < rows * heads; u++) {
                int at = u / heads * stride + u % heads * dim, position = first + u / heads % period;
                double[] head = java.util.Arrays.copyOfRange(before, at, at + dim);
                double[] turns = java.util.Arrays.copyOfRange(angles, position * half, (position + 1) * half);
                System.arraycopy(Rotary.scalar(head, turns), 0, expected, at, dim);
            }
            device.rope(x, rows, stride, heads, dim, table, positions, first, period, false);
            Close.to(expected, x, 1e-6);
            device.rope(x, rows, stride, heads, dim, table, positions, first, period, true);
            Close.to(before, x, 1e-6);
            assertThatThrownBy(() -> device.rope(x, rows, stride, heads, dim, table, period, 1, period, false))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        });
    }

    @Test
    void embeddingsAreRowsOfTheTable() {
        Seeds.run(20, random -> {
            int vocabulary = size(random), n = size(random), rows = size(random);
            Buffer table = memory.normal(random, vocabulary * n, 1), out = memory.zeros(rows * n);
            int[] ids = random.ints(rows + 2, 0, vocabulary).toArray();
            for (Buffer stored : new Buffer[] {table, memory.bf16(table), memory.f16(table)}) {
                device.embed(out, stored, ids, 2, rows, n);
                for (int i = 0; i < rows * n; i++) {
                    float expected = Native.value(stored, (long) ids[2 + i / n] * n + i % n);
                    assertThat(Native.value(out, i)).isEqualTo(expected);
                }
            }
            assertThatThrownBy(() -> device.embed(out, table, new int[] {vocabulary}, 0, 1, n))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        });
    }

    @Test
    void linearOfManyRowsAndOfFew() {
        Seeds.run(40, random -> {
            int rows = size(random), in = size(random), out = size(random), beta = random.nextInt(2);
            Buffer x = memory.normal(random, rows * in, 1), w = memory.normal(random, out * in, 1);
            double[] initial = Close.doubles(memory.normal(random, rows * out, beta == 0 ? Float.NaN : 1));
            for (Buffer stored : new Buffer[] {w, memory.bf16(w), memory.f16(w)}) {
                Buffer y = memory.zeros(rows * out), wide = memory.of(Native.floats(stored));
                for (int i = 0; i < initial.length; i++) Lanes.set(y.address() + 4L * i, (float) initial[i]);
                device.linear(y, x, stored, rows, in, out, beta);
                double[] expected =
                        Gemm.scalar(false, true, initial, x.address(), in, wide.address(), in, rows, out, in, beta);
                Close.to(expected, y, 1e-6 * Math.sqrt(in));
            }
        });
    }

    @Test
    void bf16WeightsOfSeveralPanels() {
        var random = Seeds.generator(1);
        int rows = Device.INVARIANT_ROWS + 1, in = 700, out = 1111;
        Buffer x = memory.normal(random, rows * in, 1), w = memory.bf16(memory.normal(random, out * in, 1));
        Buffer y = memory.zeros(rows * out), wide = memory.of(Native.floats(w));
        device.linear(y, x, w, rows, in, out, 0);
        double[] expected = Gemm.scalar(false, true, null, x.address(), in, wide.address(), in, rows, out, in, 0);
        Close.to(expected, y, 1e-5);
    }

    @Test
    void sumsCopiesAndBiases() {
        for (int n : new int[] {1, 3, 64, 207, 40_000, 100_003}) {
            var random = Seeds.generator(n);
            Buffer x = memory.normal(random, n, 1), y = memory.normal(random, n, 1);
            double[] a = Close.doubles(x), b = Close.doubles(y), sum = new double[n], scaled = new double[n];
            for (int i = 0; i < n; i++) sum[i] = (float) (a[i] + b[i]);
            for (int i = 0; i < n; i++) scaled[i] = (float) sum[i] * 0.3f;
            device.add(y, x, n);
            Close.to(sum, y, 0);
            device.scale(y, 0.3f, n);
            Close.to(scaled, y, 0);
            device.copy(x, y, n);
            Close.to(a, y, 0);
            device.zero(y, n - 1);
            assertThat(Native.value(y, n - 1)).isEqualTo((float) a[n - 1]);
            assertThat(device.sumOfSquares(y, n)).isEqualTo(a[n - 1] * a[n - 1]);
        }
    }

    /** Against SplittableRandom, whose numbers are the same hashes. */
    @Test
    void dropout() {
        Seeds.run(10, random -> {
            int n = random.nextBoolean() ? size(random) : 40_000 + size(random);
            double share = random.nextInt(1, 10) / 10.0;
            long seed = random.nextLong();
            Buffer x = memory.normal(random, n, 1);
            double[] expected = Close.doubles(x);
            long threshold = Math.round(share * 65536), dropped = 0;
            for (int i = 0; i < n; i++) {
                long bits = new SplittableRandom(seed + i / 4).nextLong() >>> 16 * (i % 4) & 0xffff;
                if (bits < threshold) dropped++;
                expected[i] *= bits < threshold ? 0 : 65536.0 / (65536 - threshold);
            }
            device.dropout(x, n, share, seed);
            Close.to(expected, x, 1e-6);
            double spread = Math.sqrt(share * (1 - share) / n);
            assertThat((double) dropped / n).isBetween(share - 5 * spread, share + 5 * spread);
        });
        Buffer kept = memory.normal(Seeds.generator(1), 10, 1);
        float[] before = Native.floats(kept);
        device.dropout(kept, 10, 0, 1);
        assertThat(Native.floats(kept)).isEqualTo(before);
        for (double share : new double[] {-0.1, 1, Double.NaN}) {
            assertThatThrownBy(() -> device.dropout(kept, 10, share, 1)).hasMessageContaining("dropout");
        }
    }

    @Test
    void biasIsAddedToEveryRow() {
        Seeds.run(20, random -> {
            int rows = size(random), n = size(random);
            Buffer y = memory.normal(random, rows * n, 1), bias = memory.normal(random, n, 1);
            double[] expected = Close.doubles(y), b = Close.doubles(bias);
            for (int i = 0; i < rows * n; i++) expected[i] = (float) (expected[i] + b[i % n]);
            device.addBias(y, bias, rows, n);
            Close.to(expected, y, 0);
        });
    }
}
