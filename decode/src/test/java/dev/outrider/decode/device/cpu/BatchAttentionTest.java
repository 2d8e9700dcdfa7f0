package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
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
            return new Shape(1 + random.nextInt(9), 1 + random.nextInt(80), heads, kvHeads, headDim);
        }

        int cache() {
            return kvHeads * capacity * headDim;
        }
    }

    private Buffer normal(RandomGenerator random, int count) {
        Buffer buffer = device.allocate(DType.F32, count);
        device.upload(Seeds.normal(random, count, 1), 0, buffer, count);
        return buffer;
    }

    @Test
    void attentionAgreesWithScalars() {
        Seeds.run(60, random -> {
            Shape s = Shape.random(random);
            int width = s.heads * s.headDim;
            Buffer q = normal(random, s.rows * width), out = normal(random, s.rows * width);
            Buffer keys = normal(random, s.rows * s.cache()), values = normal(random, s.rows * s.cache());
            int[] context = random.ints(s.rows, 0, s.capacity + 1).toArray();
            device.attendEach(out, q, keys, values, s.rows, context, s.capacity, s.heads, s.kvHeads, s.headDim);
            Buffer expected = device.allocate(DType.F32, out.elements());
            for (int u = 0; u < s.rows * s.heads; u++) {
                int row = u / s.heads, group = u % s.heads / (s.heads / s.kvHeads);
                if (context[row] == 0) continue;
                long at = 4L * u * s.headDim, cache = 4L * s.headDim * s.capacity * (row * s.kvHeads + group);
                AttentionRow.scalar(
                        expected.address() + at,
                        q.address() + at,
                        keys.address() + cache,
                        values.address() + cache,
                        context[row],
                        s.headDim);
            }
            assertThat(Native.floats(out)).containsExactly(Native.floats(expected), within(2e-5f));
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
    void appendPutsEveryRowInItsCache() {
        Seeds.run(30, random -> {
            Shape s = Shape.random(random);
            int width = s.kvHeads * s.headDim;
            Buffer rows = normal(random, s.rows * width), caches = normal(random, s.rows * s.cache());
            float[] before = Native.floats(caches);
            int[] entry = random.ints(s.rows, -1, s.capacity).toArray();
            device.appendEach(caches, rows, s.rows, entry, s.capacity, s.kvHeads, s.headDim);
            for (int i = 0; i < before.length; i++) {
                int d = i % s.headDim, e = i / s.headDim % s.capacity, g = i / s.headDim / s.capacity;
                boolean written = e == entry[g / s.kvHeads];
                assertThat(Native.value(caches, i))
                        .isEqualTo(written ? Native.value(rows, g * s.headDim + d) : before[i]);
            }
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
