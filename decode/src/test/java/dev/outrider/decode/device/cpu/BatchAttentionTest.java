package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A row for each of many caches: against scalars, and against the operations for one. */
class BatchAttentionTest {
    private CpuDevice device;

    @BeforeEach
    void open() {
        device = new CpuDevice(3);
    }

    @AfterEach
    void close() {
        device.close();
    }

    private record Shape(int rows, int capacity, int heads, int kvHeads, int headDim) {
        static Shape random(RandomGenerator random) {
            int kvHeads = 1 + random.nextInt(3), heads = kvHeads * (1 + random.nextInt(4));
            int headDim = random.nextBoolean() ? 2 * (1 + random.nextInt(20)) : 8 << random.nextInt(5);
            int capacity = Device.CACHE_BLOCK * (1 + random.nextInt(3));
            return new Shape(1 + random.nextInt(9), capacity, heads, kvHeads, headDim);
        }

        int cache() {
            return kvHeads * capacity * headDim;
        }
    }

    private Buffer normal(RandomGenerator random, int count) {
        return buffer(Seeds.normal(random, count, 1));
    }

    private Buffer buffer(float[] values) {
        Buffer buffer = device.allocate(DType.F32, values.length);
        device.upload(values, 0, buffer, values.length);
        return buffer;
    }

    /** Rows are appended one by one, to caches that do not grow alike. */
    @Test
    void attentionAgreesWithScalarsOverTheRowsThatWereAppended() {
        Seeds.run(40, random -> {
            Shape s = Shape.random(random);
            int width = s.heads * s.headDim, entry = s.kvHeads * s.headDim;
            Buffer keys = normal(random, s.rows * s.cache()), values = normal(random, s.rows * s.cache());
            float[][] keyRows = new float[s.rows][s.cache()], valueRows = new float[s.rows][s.cache()];
            int[] context = new int[s.rows];
            for (int step = 0; step < s.capacity; step++) {
                float[] newKeys = Seeds.normal(random, s.rows * entry, 1);
                float[] newValues = Seeds.normal(random, s.rows * entry, 1);
                int[] entries = new int[s.rows];
                for (int r = 0; r < s.rows; r++) {
                    entries[r] = random.nextInt(3) == 0 ? -1 : context[r]++;
                    if (entries[r] < 0) continue;
                    System.arraycopy(newKeys, r * entry, keyRows[r], entries[r] * entry, entry);
                    System.arraycopy(newValues, r * entry, valueRows[r], entries[r] * entry, entry);
                }
                device.appendEach(
                        keys,
                        values,
                        buffer(newKeys),
                        buffer(newValues),
                        s.rows,
                        entries,
                        s.capacity,
                        s.kvHeads,
                        s.headDim);
            }
            float[] q = Seeds.normal(random, s.rows * width, 1), expected = new float[q.length];
            Buffer out = normal(random, q.length);
            device.attendEach(out, buffer(q), keys, values, s.rows, context, s.capacity, s.heads, s.kvHeads, s.headDim);
            for (int u = 0; u < s.rows * s.heads; u++) {
                int row = u / s.heads, at = u * s.headDim, g = u % s.heads / (s.heads / s.kvHeads);
                if (context[row] == 0) continue;
                PlainAttention.attend(
                        expected, at, q, at, keyRows[row], valueRows[row], context[row], g, s.kvHeads, s.headDim);
            }
            assertThat(Native.floats(out)).containsExactly(expected, within(2e-5f));
        });
    }

    @Test
    void aRowsBitsAreItsOwn() {
        Seeds.run(60, random -> {
            Shape s = Shape.random(random);
            int width = s.heads * s.headDim;
            Buffer q = normal(random, s.rows * width), out = normal(random, s.rows * width);
            Buffer keys = normal(random, s.rows * s.cache()), values = normal(random, s.rows * s.cache());
            int[] context = random.ints(s.rows, 1, s.capacity + 1).toArray();
            device.attendEach(out, q, keys, values, s.rows, context, s.capacity, s.heads, s.kvHeads, s.headDim);
            int r = random.nextInt(s.rows);
            Buffer alone = normal(random, width);
            device.attendEach(
                    alone,
                    q.slice((long) r * width, width),
                    keys.slice((long) r * s.cache(), s.cache()),
                    values.slice((long) r * s.cache(), s.cache()),
                    1,
                    new int[] {context[r]},
                    s.capacity,
                    s.heads,
                    s.kvHeads,
                    s.headDim);
            assertThat(Native.floats(out.slice((long) r * width, width))).isEqualTo(Native.floats(alone));
        });
    }

    @Test
    void everyRowIsRotatedToItsOwnPosition() {
        Seeds.run(30, random -> {
            int rows = 1 + random.nextInt(6), heads = 1 + random.nextInt(3), half = 1 + random.nextInt(20);
            int positions = 1 + random.nextInt(30), width = heads * 2 * half;
            Buffer x = normal(random, rows * width), table = normal(random, positions * 2 * half);
            Buffer expected = device.allocate(DType.F32, x.elements());
            device.copy(x, expected, x.elements());
            int[] position = random.ints(rows, 0, positions).toArray();
            device.ropeEach(x, rows, heads, 2 * half, table, positions, position);
            IntStream.range(0, rows)
                    .forEach(r -> device.rope(
                            expected.slice((long) r * width, width),
                            1,
                            width,
                            heads,
                            2 * half,
                            table,
                            positions,
                            position[r],
                            1,
                            false));
            assertThat(Native.floats(x)).isEqualTo(Native.floats(expected));
        });
    }
}
