package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Gelu;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Memory, weights and forward operations but attention. */
public abstract class ForwardContract extends DeviceContract {
    @Test
    public void memory() {
        Buffer zero = device.allocate(DType.F32, 37);
        assertThat(floats(zero)).isEqualTo(new float[37]);
        float[] values = Seeds.normal(Seeds.generator(1), 10, 1), back = new float[12];
        Buffer ten = zeros(10);
        device.upload(values, 2, ten, 8);
        device.download(ten, back, 3, 9);
        for (int i = 0; i < 8; i++) assertThat(back[3 + i]).isEqualTo(values[2 + i]);
        assertThat(back[11]).isZero();
        device.copy(ten.slice(1, 5), zero.slice(30, 5), 5);
        assertThat(Arrays.copyOfRange(floats(zero), 30, 35)).isEqualTo(Arrays.copyOfRange(values, 3, 8));
        device.zero(zero.slice(31, 6), 2);
        assertThat(Arrays.copyOfRange(floats(zero), 30, 34)).isEqualTo(new float[] {values[3], 0, 0, values[6]});
        device.free(ten);
        device.free(device.allocate(DType.F32, 0));
        assertThat(device.name()).isNotBlank();
    }

    @Test
    public void whatIsWrongIsRefused() {
        Buffer floats = zeros(8), halves = device.allocate(DType.BF16, 8);
        assertThatThrownBy(() -> device.add(floats, halves, 8)).hasMessageContaining("BF16");
        assertThatThrownBy(() -> device.add(floats, floats, 9)).hasMessageContaining("9 elements");
        assertThatThrownBy(() -> device.copy(floats, halves, 8)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> device.upload(new float[9], 2, floats, 8))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> device.download(floats, new float[9], 0, 9))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> device.embed(floats, floats, new int[] {2}, 0, 1, 4))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> device.rope(floats, 1, 8, 1, 8, floats, 1, 1, 1, false))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> device.linear(floats, floats, floats, 1, 3, 4, 0))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> device.allocate(DType.F32, -1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    public void weightsKeepTheirValues() {
        for (DType type : new DType[] {DType.F32, DType.BF16, DType.F16}) {
            float[] values = Seeds.normal(Seeds.generator(2), 7 * 33, 1);
            Tensor tensor = stored(type, values, 7, 33);
            Buffer held = device.hold(tensor);
            assertThat(held.type()).isEqualTo(type);
            assertThat(rows(device, held, 7, 33)).isEqualTo(tensor.floats());
        }
        float[] values = Seeds.normal(Seeds.generator(3), 5 * 40, 1);
        Buffer heap = device.hold(Tensor.of("w", values, 5, 40));
        assertThat(rows(device, heap, 5, 40)).isEqualTo(values);
    }

    /** Rounded as the cpu rounds them. */
    @Test
    public void weightsOfAnotherTypeAreThoseOfTheCpu() {
        try (CpuDevice cpu = new CpuDevice(1)) {
            for (DType as : new DType[] {DType.F32, DType.BF16, DType.I8}) {
                Tensor tensor = stored(DType.F16, Seeds.normal(Seeds.generator(4), 7 * 96, 1), 7, 96);
                Buffer here = device.hold(tensor, as), there = cpu.hold(tensor, as);
                assertThat(here.type()).isEqualTo(as);
                assertThat(rows(device, here, 7, 96)).isEqualTo(rows(cpu, there, 7, 96));
            }
        }
        float[] bad = new float[64];
        bad[40] = Float.NaN;
        assertThatThrownBy(() -> device.hold(Tensor.of("blk.w", bad, 2, 32), DType.I8))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("blk.w, row 1");
        assertThatThrownBy(() -> device.hold(Tensor.of("w", new float[40], 1, 40), DType.I8))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    public void rowsOfATable() {
        Seeds.run(6, random -> {
            int width = size(random), vocabulary = size(random), rows = size(random);
            Held table = matrix(random, type(random, width), vocabulary, width);
            int[] ids = random.ints(rows + 2, 0, vocabulary).toArray();
            Buffer out = zeros(rows * width);
            device.embed(out, table.buffer(), ids, 2, rows, width);
            float[] found = floats(out);
            for (int i = 0; i < found.length; i++) {
                assertThat(found[i]).isEqualTo(table.values()[ids[2 + i / width] * width + i % width]);
            }
        });
    }

    @Test
    public void rmsNorm() {
        Seeds.run(8, random -> {
            int rows = size(random), n = size(random);
            Buffer x = normal(random, rows * n, Math.pow(10, random.nextInt(-6, 7))), y = zeros(rows * n);
            for (DType type : new DType[] {DType.F32, DType.BF16, DType.F16}) {
                Tensor gain = stored(type, Seeds.normal(random, n, 1), 1, n);
                double[] expected = Norm.scalar(doubles(x), gain.doubles(), 1e-5f);
                device.rmsNorm(y, x, device.hold(gain), rows, n, 1e-5f);
                close(expected, y, 2e-6);
            }
            Buffer gain = normal(random, n, 1);
            device.rmsNorm(y, x, gain, rows, n, 1e-5f);
            device.rmsNorm(x, x, gain, rows, n, 1e-5f);
            assertThat(floats(x)).as("in place").isEqualTo(floats(y));
        });
    }

    @Test
    public void layerNorm() {
        Seeds.run(8, random -> {
            int rows = size(random), n = size(random);
            Buffer x = normal(random, rows * n, Math.pow(10, random.nextInt(-3, 4))), y = zeros(rows * n);
            Buffer gain = normal(random, n, 1), bias = normal(random, n, 1);
            device.layerNorm(y, x, gain, bias, rows, n, 1e-3f);
            close(LayerNormTest.plain(doubles(x), doubles(gain), doubles(bias), 1e-3f), y, 1e-5);
            device.layerNorm(x, x, gain, bias, rows, n, 1e-3f);
            assertThat(floats(x)).as("in place").isEqualTo(floats(y));
        });
    }

    @Test
    public void linear() {
        Seeds.run(24, random -> {
            int rows = size(random), in = size(random), out = size(random), beta = random.nextInt(2);
            DType type = type(random, in);
            Buffer x = activations(random, type, rows * in), y = normal(random, rows * out, beta == 0 ? Float.NaN : 1);
            Held w = matrix(random, type, out, in);
            double[] expected = Gemm.scalar(
                    false,
                    true,
                    doubles(y),
                    host.of(floats(x)).address(),
                    in,
                    host.of(w.values()).address(),
                    in,
                    rows,
                    out,
                    in,
                    beta);
            device.linear(y, x, w.buffer(), rows, in, out, beta);
            close(expected, y, 1e-6 * Math.sqrt(in));
        });
    }

    /** Long enough that several warps share a sum. */
    @Test
    public void linearOfManyInputs() {
        Seeds.run(2, random -> {
            int in = 1056, out = 9, rows = 3;
            for (DType type : new DType[] {DType.F32, DType.BF16, DType.F16, DType.I8}) {
                Buffer x = activations(random, type, rows * in), y = zeros(rows * out);
                Held w = matrix(random, type, out, in);
                long a = host.of(floats(x)).address(), b = host.of(w.values()).address();
                device.linear(y, x, w.buffer(), rows, in, out, 0);
                close(Gemm.scalar(false, true, null, a, in, b, in, rows, out, in, 0), y, 1e-6 * Math.sqrt(in));
            }
        });
    }

    @Test
    public void rowsOfAProductHaveTheBitsTheyHaveAlone() {
        for (DType type : new DType[] {DType.F32, DType.BF16, DType.F16, DType.I8}) {
            for (int[] s : new int[][] {{64, 33}, {576, 5}, {45, 7}}) {
                int in = s[0], out = s[1], most = Device.INVARIANT_ROWS;
                if (type == DType.I8 && in % Buffer.GROUP != 0) continue;
                RandomGenerator random = Seeds.generator(in);
                Buffer x = normal(random, most * in, 1),
                        w = matrix(random, type, out, in).buffer();
                float[] alone = new float[most * out];
                for (int r = 0; r < most; r++) {
                    float[] row = product(x.slice((long) r * in, in), w, 1, in, out);
                    System.arraycopy(row, 0, alone, r * out, out);
                }
                for (int rows : new int[] {2, 3, 5, 8, 9, 20, 32}) {
                    assertThat(product(x, w, rows, in, out))
                            .as("%s, %d rows of %d to %d", type, rows, in, out)
                            .isEqualTo(Arrays.copyOf(alone, rows * out));
                }
            }
        }
    }

    @Test
    public void severalMatricesOfTheSameRowsAreAsEachAlone() {
        Seeds.run(6, random -> {
            int in = 64, rows = 1 + random.nextInt(3) * 20;
            DType[] types = {DType.F32, DType.BF16, DType.I8};
            DType first = types[random.nextInt(3)], second = random.nextInt(3) == 0 ? types[random.nextInt(3)] : first;
            List<Buffer> w = new ArrayList<>(), y = new ArrayList<>();
            for (DType type : new DType[] {first, second, first}) {
                int out = 1 + random.nextInt(70);
                w.add(device.hold(stored(DType.F32, Seeds.normal(random, out * in, 1), out, in), type));
                y.add(zeros(rows * out));
            }
            Buffer x = normal(random, rows * in, 1);
            device.linearEach(y, x, w, rows, in);
            for (int i = 0; i < 3; i++) {
                int out = (int) y.get(i).elements() / rows;
                assertThat(floats(y.get(i))).isEqualTo(product(x, w.get(i), rows, in, out));
            }
        });
    }

    /** Where x begins counts for nothing. */
    @Test
    public void productsOfWhatBeginsAtAnOddPlace() {
        int in = 96, out = 9;
        for (DType type : new DType[] {DType.F32, DType.BF16, DType.F16, DType.I8}) {
            for (int rows : new int[] {1, 3, 6, 40}) {
                RandomGenerator random = Seeds.generator(rows);
                float[] values = Seeds.normal(random, rows * in + 1, 1);
                Buffer odd = of(values).slice(1, (long) rows * in),
                        even = of(Arrays.copyOfRange(values, 1, values.length));
                Buffer w = matrix(random, type, out, in).buffer();
                assertThat(product(odd, w, rows, in, out)).isEqualTo(product(even, w, rows, in, out));
            }
        }
    }

    private float[] product(Buffer x, Buffer w, int rows, int in, int out) {
        Buffer y = zeros(rows * out);
        device.linear(y, x, w, rows, in, out, 0);
        return floats(y);
    }

    /** Products of whole blocks of rows: a row's bits are its own. */
    @Test
    public void rowsOfWholeBlocksAreTheirOwn() {
        for (DType type : new DType[] {DType.F32, DType.BF16, DType.I8}) {
            int in = 64, out = 40, block = Device.ROW_BLOCK;
            RandomGenerator random = Seeds.generator(5);
            Buffer x = normal(random, 2 * block * in, 1),
                    w = matrix(random, type, out, in).buffer();
            float[] all = product(x, w, 2 * block, in, out);
            for (int first : new int[] {0, 7, 64}) {
                float[] some = product(x.slice((long) first * in, (long) block * in), w, block, in, out);
                assertThat(some).isEqualTo(Arrays.copyOfRange(all, first * out, (first + block) * out));
            }
        }
    }

    @Test
    public void rope() {
        Seeds.run(8, random -> {
            int heads = 1 + random.nextInt(4), half = size(random), dim = 2 * half, stride = (heads + 1) * dim;
            int period = 1 + random.nextInt(6), rows = period * (1 + random.nextInt(2)), first = random.nextInt(5);
            int positions = first + period;
            double[] angles = random.doubles((long) positions * half, -4, 4).toArray();
            float[] table = new float[2 * angles.length];
            for (int i = 0; i < angles.length; i++) {
                table[i] = (float) Math.cos(angles[i]);
                table[i + angles.length] = (float) Math.sin(angles[i]);
            }
            Buffer x = normal(random, rows * stride, 1), turns = of(table);
            double[] before = doubles(x), expected = before.clone();
            for (int u = 0; u < rows * heads; u++) {
                int at = u / heads * stride + u % heads * dim, position = first + u / heads % period;
                double[] head = Arrays.copyOfRange(before, at, at + dim);
                double[] own = Arrays.copyOfRange(angles, position * half, (position + 1) * half);
                System.arraycopy(Rotary.scalar(head, own), 0, expected, at, dim);
            }
            device.rope(x, rows, stride, heads, dim, turns, positions, first, period, false);
            close(expected, x, 1e-6);
            device.rope(x, rows, stride, heads, dim, turns, positions, first, period, true);
            close(before, x, 1e-6);
        });
    }

    @Test
    public void sumsAndBiases() {
        for (int n : new int[] {1, 3, 64, 207, 1030}) {
            RandomGenerator random = Seeds.generator(n);
            Buffer x = normal(random, n, 1), y = normal(random, n, 1), some = normal(random, n + 1, 1);
            float[] a = floats(x), b = floats(y), c = floats(some), sum = new float[n];
            for (int i = 0; i < n; i++) sum[i] = a[i] + b[i];
            device.add(y, x, n);
            assertThat(floats(y)).isEqualTo(sum);
            for (int i = 0; i < n; i++) sum[i] *= 0.3f;
            device.scale(y, 0.3f, n);
            assertThat(floats(y)).isEqualTo(sum);
            device.add(some.slice(1, n), x, n);
            for (int i = 0; i < n; i++) c[i + 1] += a[i];
            assertThat(floats(some)).as("from an odd place").isEqualTo(c);
        }
        Seeds.run(4, random -> {
            int rows = size(random), n = size(random);
            Tensor bias = stored(random.nextBoolean() ? DType.F32 : DType.BF16, Seeds.normal(random, n, 1), 1, n);
            Buffer y = normal(random, rows * n, 1);
            float[] expected = floats(y), added = bias.floats();
            for (int i = 0; i < expected.length; i++) expected[i] += added[i % n];
            device.addBias(y, device.hold(bias), rows, n);
            assertThat(floats(y)).isEqualTo(expected);
        });
    }

    /** Against SplittableRandom, whose numbers are the same hashes. */
    @Test
    public void dropout() {
        Seeds.run(6, random -> {
            int n = 1 + random.nextInt(1200);
            double share = random.nextInt(1, 10) / 10.0;
            long seed = random.nextLong(), threshold = Math.round(share * 65536);
            Buffer x = normal(random, n, 1);
            float[] expected = floats(x);
            for (int i = 0; i < n; i++) {
                long bits = new SplittableRandom(seed + i / 4).nextLong() >>> 16 * (i % 4) & 0xffff;
                expected[i] = bits < threshold ? 0 : expected[i] * (float) (65536.0 / (65536 - threshold));
            }
            device.dropout(x, n, share, seed);
            assertThat(floats(x)).isEqualTo(expected);
        });
        assertThatThrownBy(() -> device.dropout(zeros(1), 1, 1, 1)).hasMessageContaining("dropout");
    }

    @ParameterizedTest
    @EnumSource
    public void gelu(Gelu form) {
        Seeds.run(4, random -> {
            int n = 1 + random.nextInt(1200);
            Buffer x = normal(random, n, Math.pow(10, random.nextInt(-3, 3))), y = zeros(n);
            device.gelu(form, y, x, n);
            float[] xs = floats(x), ys = floats(y);
            for (int i = 0; i < n; i++) {
                double expected = GeluRowsTest.plain(form, xs[i]), bound = 4e-7 * (1 + Math.abs(xs[i]));
                assertThat((double) ys[i]).as("gelu(%s)", xs[i]).isBetween(expected - bound, expected + bound);
            }
            device.gelu(form, x, x, n);
            assertThat(floats(x)).as("in place").isEqualTo(ys);
        });
    }

    @Test
    public void swiglu() {
        Seeds.run(8, random -> {
            int rows = size(random), n = size(random), stride = 2 * n + random.nextInt(3);
            Buffer both = normal(random, rows * stride, Math.pow(10, random.nextInt(-3, 4))), y = zeros(rows * n);
            long length = both.elements() - n;
            device.swiglu(y, both.slice(0, length), both.slice(n, length), rows, stride, n);
            double[] expected = new double[rows * n], from = doubles(both);
            for (int i = 0; i < expected.length; i++) {
                int at = i / n * stride + i % n;
                expected[i] = SwiGlu.scalar(from[at], from[at + n]);
            }
            close(expected, y, 1e-6);
        });
    }
}
