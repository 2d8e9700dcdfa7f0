package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Layout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TilesTest {
    private CpuDevice device;

    @BeforeEach
    void open() {
        device = new CpuDevice(2);
    }

    @AfterEach
    void close() {
        device.close();
    }

    @Test
    void errorIsWithinTheBound() {
        Seeds.run(20, random -> {
            int in = Buffer.GROUP * (1 + random.nextInt(6)), out = 1 + random.nextInt(70);
            float[] values = Seeds.normal(random, in * out, Math.exp(6 * random.nextGaussian()));
            Buffer held = device.hold(Tensor.of("w", values, out, in), DType.I8);
            assertThat(held.bytes()).isEqualTo(Tiles.count(out) * Tiles.OUTS * in * 17L / 16);
            for (int i = 0; i < values.length; i++) {
                double d = largest(values, i) / 127.0, floor = 127 * Math.scalb(1.0, -25);
                assertThat((double) value(held, i, in))
                        .isCloseTo(values[i], within(d * (0.5 + 127 / 2048.0) * (1 + 1e-6) + floor));
            }
        });
    }

    /** What Q8_0 gives back, d · q with d in F16 and a q of ±127 in every group, is held exactly. */
    @Test
    void valuesOfQ80AreHeldExactly() {
        Seeds.run(20, random -> {
            int in = Buffer.GROUP * (1 + random.nextInt(6)), out = 1 + random.nextInt(70);
            float[] values = new float[in * out];
            for (int i = 0; i < values.length; i += Buffer.GROUP) {
                float d = Float.float16ToFloat(Float.floatToFloat16((float) Math.exp(2 * random.nextGaussian() - 4)));
                for (int j = 0; j < Buffer.GROUP; j++) values[i + j] = d * (random.nextInt(255) - 127);
                values[i + random.nextInt(Buffer.GROUP)] = d * (random.nextBoolean() ? 127 : -127);
            }
            Buffer held = device.hold(Tensor.of("w", values, out, in), DType.I8);
            for (int i = 0; i < values.length; i++)
                assertThat(value(held, i, in)).isEqualTo(values[i]);
        });
    }

    @Test
    void matricesOfBf16AreTheNearestToo() {
        float[] values = Seeds.normal(Seeds.generator(5), 96 * 45, 1);
        Buffer tiles = device.hold(Tensor.of("w", values, 45, 96), DType.BF16);
        Buffer rows = device.hold(Tensor.of("w", values, 45 * 96), DType.BF16);
        assertThat(tiles.layout()).isEqualTo(Tiles.layout(96));
        assertThat(rows.layout()).isEqualTo(Layout.ROWS);
        for (int i = 0; i < values.length; i++) assertThat(value(tiles, i, 96)).isEqualTo(Native.value(rows, i));
        float[] odd = Seeds.normal(Seeds.generator(6), 40, 1);
        assertThat(device.hold(Tensor.of("w", odd, 1, 40), DType.BF16).layout()).isEqualTo(Layout.ROWS);
    }

    @Test
    void whatIsNotMadeForTilesRefusesThem() {
        Buffer w = device.hold(Tensor.of("w", new float[64 * 64], 64, 64), DType.BF16);
        Buffer x = device.allocate(DType.F32, 64 * 64), y = device.allocate(DType.F32, 64 * 64);
        assertThatThrownBy(() -> w.slice(64, 64)).hasMessageContaining("inside a tile");
        assertThatThrownBy(() -> device.linear(y, x, w, 1, 32, 128, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> device.rmsNorm(y, x, w, 1, 64, 1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> device.copy(w, device.allocate(DType.BF16, 64 * 64), 64 * 64))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> device.linearInputGradient(y, x, w, 1, 64, 64, 0))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void halvesGoAwayFromZero() {
        float[] values = new float[Buffer.GROUP];
        System.arraycopy(new float[] {127, 0.5f, -0.5f, 1.5f, -1.5f, 2.5f, 0.49999997f}, 0, values, 0, 7);
        Buffer held = device.hold(Tensor.of("w", values, 1, Buffer.GROUP), DType.I8);
        float[] expected = {127, 1, -1, 2, -2, 3, 0};
        for (int i = 0; i < 7; i++) assertThat(value(held, i, Buffer.GROUP)).isEqualTo(expected[i]);
    }

    @Test
    void rowsOfATableAreWidened() {
        var random = Seeds.generator(4);
        Buffer table = device.hold(Tensor.of("t", Seeds.normal(random, 64 * 7, 1), 7, 64), DType.I8);
        Buffer out = device.allocate(DType.F32, 3 * 64);
        int[] ids = {0, 6, 2, 6};
        device.embed(out, table, ids, 1, 3, 64);
        for (int i = 0; i < 3 * 64; i++) {
            assertThat(Native.value(out, i)).isEqualTo(value(table, ids[1 + i / 64] * 64 + i % 64, 64));
        }
    }

    @Test
    void bf16IsTheNearestEvenInATie() {
        float below = Float.intBitsToFloat(0x3f800000), above = Float.intBitsToFloat(0x3f810000);
        float tie = Float.intBitsToFloat(0x3f808000), more = Float.intBitsToFloat(0x3f808001);
        float odd = Float.intBitsToFloat(0x3f818000), even = Float.intBitsToFloat(0x3f820000);
        Buffer held = device.hold(Tensor.of("w", new float[] {below, tie, more, odd, -tie}, 5), DType.BF16);
        assertThat(Native.floats(held)).containsExactly(below, below, above, even, -below);
    }

    @Test
    void whatEightBitsCannotHoldIsRefusedByName() {
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, 1e7f}) {
            float[] values = new float[2 * Buffer.GROUP];
            values[40] = bad;
            assertThatThrownBy(() -> device.hold(Tensor.of("blk.w", values, 2, Buffer.GROUP), DType.I8))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("blk.w, row 1");
        }
        assertThatThrownBy(() -> device.hold(Tensor.of("w", new float[40], 1, 40), DType.I8))
                .isInstanceOf(IllegalArgumentException.class);
    }

    private static double largest(float[] values, int i) {
        double largest = 0;
        int first = i / Buffer.GROUP * Buffer.GROUP;
        for (int j = 0; j < Buffer.GROUP; j++) largest = Math.max(largest, Math.abs(values[first + j]));
        return largest;
    }

    private static float value(Buffer matrix, int i, int in) {
        int row = i / in, tile = row / Tiles.OUTS * Tiles.OUTS;
        Buffer from = matrix.slice((long) tile * in, matrix.elements() - (long) tile * in);
        return Tiles.value(from.address(), matrix.type(), row - tile, i % in);
    }
}
