package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.Layout;
import dev.outrider.decode.device.Narrowing;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TileProductTest {
    private static final int MOST = Device.INVARIANT_ROWS;
    private static final DType[] TYPES = {DType.F32, DType.BF16, DType.I8};

    private Native memory;

    @BeforeEach
    void open() {
        memory = new Native();
    }

    @AfterEach
    void close() {
        memory.close();
    }

    /** Against the values that were given, by way of the device: nothing here knows how they are laid out. */
    @Test
    void agreesWithDoubles() {
        for (int threads : new int[] {1, 2, 3}) {
            try (CpuDevice device = new CpuDevice(threads)) {
                Seeds.run(60, random -> {
                    int in = inputs(random),
                            out = 1 + random.nextInt(300),
                            rows = 1 + random.nextInt(random.nextInt(2) * 60 + 9);
                    float beta = random.nextInt(2);
                    float[] weights = inSteps(random, in * out), given = Seeds.normal(random, rows * in, 1);
                    float[] ys = Seeds.normal(random, rows * out, 1);
                    DType type = TYPES[random.nextInt(TYPES.length)];
                    Buffer w = device.hold(Tensor.of("w", weights, out, in), type), y = memory.of(ys);
                    assertThat(w.layout()).isInstanceOf(Layout.Tiles.class);
                    device.linear(y, memory.of(given), w, rows, in, out, beta);
                    double[] xs = taken(type, given);
                    for (int i = 0; i < rows * out; i++) {
                        int row = i / out * in, output = i % out * in;
                        double sum = beta * ys[i] + dot(xs, row, weights, output, in, false);
                        double sizes = beta * Math.abs(ys[i]) + dot(xs, row, weights, output, in, true);
                        assertThat((double) Native.value(y, i))
                                .as("%s, row %d of %d, output %d of %d", type, i / out, rows, i % out, out)
                                .isCloseTo(sum, within((in + 3) * 0x1p-24 * sizes));
                    }
                    device.free(w);
                });
            }
        }
    }

    // What becomes of x, by hand: rounded to BF16, or to bytes under a scale for each group.
    private static double[] taken(DType type, float[] x) {
        double[] taken = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            int group = i / Buffer.GROUP * Buffer.GROUP;
            float largest = 0;
            for (int j = group; j < group + Buffer.GROUP; j++) largest = Math.max(largest, Math.abs(x[j]));
            float d = largest / 127, inverse = 1 / d;
            taken[i] = switch (type) {
                case F32 -> x[i];
                case BF16 -> Float.intBitsToFloat(Narrowing.bf16(x[i]) << 16);
                default -> d * Math.rint(x[i] * inverse);
            };
        }
        return taken;
    }

    @Test
    void rowsHaveTheBitsTheyHaveAlone() {
        Seeds.run(24, random -> {
            int in = inputs(random), out = 1 + random.nextInt(400);
            boolean code = random.nextBoolean();
            Buffer x = memory.normal(random, MOST * in, 1), w = weights(random, in, out);
            float[] alone = alone(code, x, w, in, out);
            for (int rows = 1; rows <= MOST; rows++) {
                Buffer y = memory.zeros(rows * out);
                linear(code, 1 + random.nextInt(3), y, x, w, rows, out, 0);
                assertThat(Native.floats(y)).isEqualTo(Arrays.copyOf(alone, rows * out));
            }
        });
    }

    @Test
    void vectorsAndScalarsGiveTheSameBits() {
        Seeds.run(60, random -> {
            int in = inputs(random), out = 1 + random.nextInt(300), rows = 1 + random.nextInt(MOST);
            Buffer x = memory.normal(random, rows * in, 1), w = weights(random, in, out);
            Buffer start = memory.normal(random, rows * out, 1);
            float beta = random.nextInt(2);
            Buffer fast = memory.of(Native.floats(start)), slow = memory.of(Native.floats(start));
            linear(random.nextBoolean(), 1 + random.nextInt(3), fast, x, w, rows, out, beta);
            try (Threads one = new Threads(1);
                    Memory own = new Memory();
                    TileProduct product = new TileProduct(one, own)) {
                product.scalar(slow, x, w, (Layout.Tiles) w.layout(), rows, out, beta);
            }
            assertThat(Native.floats(fast)).isEqualTo(Native.floats(slow));
        });
    }

    /** Steps of a power of two on both sides: their products are integers that every type adds up exactly. */
    @Test
    void allTypesAreTheSameWhereNothingIsRounded() {
        Seeds.run(20, random -> {
            int in = inputs(random), out = 1 + random.nextInt(300), rows = 1 + random.nextInt(40);
            float[] xs = inSteps(random, rows * in, -3), ws = inSteps(random, out * in, -7);
            for (DType type : TYPES) {
                for (boolean code : new boolean[] {true, false}) {
                    if (!code && rows > MOST) continue;
                    Buffer y = memory.zeros(rows * out);
                    linear(code, 2, y, memory.of(xs), memory.tiles(memory.of(ws), in, type), rows, out, 0);
                    for (int i = 0; i < rows * out; i++) {
                        double sum = dot(taken(DType.F32, xs), i / out * in, ws, i % out * in, in, false);
                        assertThat((double) Native.value(y, i))
                                .as("%s, %s", type, code)
                                .isEqualTo(sum);
                    }
                }
            }
        });
    }

    /** What is too many rows for a checkpoint's own form: here they have the bits they have alone. */
    @Test
    void manyRowsAreAsOneWhereTheCpuHasTheInstructions() {
        Seeds.run(6, random -> {
            int in = inputs(random), out = 1 + random.nextInt(200), rows = 100 + random.nextInt(100);
            for (DType type : TYPES) {
                if (TileCode.of(type, in).isEmpty()) continue;
                Buffer x = memory.normal(random, rows * in, 1);
                Buffer w = memory.tiles(memory.normal(random, in * out, 1), in, type), all = memory.zeros(rows * out);
                linear(true, 2, all, x, w, rows, out, 0);
                int r = random.nextInt(rows);
                Buffer one = memory.zeros(out);
                linear(true, 1, one, x.slice((long) r * in, in), w, 1, out, 0);
                assertThat(Native.floats(all.slice((long) r * out, out))).isEqualTo(Native.floats(one));
            }
        });
    }

    @Test
    void aSliceOfTilesIsThoseOutputs() {
        var random = Seeds.generator(3);
        int in = 64, out = 5 * Tiles.OUTS, first = 2 * Tiles.OUTS, count = 2 * Tiles.OUTS + 7;
        Buffer x = memory.normal(random, in, 1), values = memory.normal(random, in * out, 1);
        for (DType type : TYPES) {
            Buffer w = memory.tiles(values, in, type), all = memory.zeros(out), some = memory.zeros(count);
            linear(true, 1, all, x, w, 1, out, 0);
            linear(true, 1, some, x, w.slice((long) first * in, (long) count * in), 1, count, 0);
            assertThat(Native.floats(some)).isEqualTo(Arrays.copyOfRange(Native.floats(all), first, first + count));
        }
    }

    // Every row as the only one.
    private float[] alone(boolean code, Buffer x, Buffer w, int in, int out) {
        Buffer y = memory.zeros(MOST * out);
        for (int r = 0; r < MOST; r++) {
            linear(code, 1, y.slice((long) r * out, out), x.slice((long) r * in, in), w, 1, out, 0);
        }
        return Native.floats(y);
    }

    private static void linear(boolean code, int threads, Buffer y, Buffer x, Buffer w, int rows, int out, float beta) {
        try (Threads workers = new Threads(threads);
                Memory own = new Memory();
                TileProduct product = new TileProduct(workers, own, code)) {
            product.linear(y, x, w, (Layout.Tiles) w.layout(), rows, out, beta);
        }
    }

    private static double dot(double[] x, int from, float[] w, int row, int in, boolean sizes) {
        double sum = 0;
        for (int i = 0; i < in; i++) {
            double product = x[from + i] * w[row + i];
            sum += sizes ? Math.abs(product) : product;
        }
        return sum;
    }

    private Buffer weights(RandomGenerator random, int in, int out) {
        return memory.tiles(memory.normal(random, in * out, 1), in, TYPES[random.nextInt(TYPES.length)]);
    }

    private static int inputs(RandomGenerator random) {
        return Buffer.GROUP * (1 + random.nextInt(12));
    }

    /** Steps of a power of two, 127 of them in every group: exact as BF16 and as I8. */
    private static float[] inSteps(RandomGenerator random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i += Buffer.GROUP) {
            System.arraycopy(inSteps(random, Buffer.GROUP, -7 + random.nextInt(3)), 0, values, i, Buffer.GROUP);
        }
        return values;
    }

    private static float[] inSteps(RandomGenerator random, int count, int scale) {
        float[] values = new float[count];
        for (int i = 0; i < count; i += Buffer.GROUP) {
            for (int j = 0; j < Buffer.GROUP; j++) values[i + j] = Math.scalb(random.nextInt(255) - 127f, scale);
            values[i + random.nextInt(Buffer.GROUP)] = Math.scalb(random.nextBoolean() ? 127f : -127f, scale);
        }
        return values;
    }
}
