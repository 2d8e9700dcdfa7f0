package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A few new rows over a cache that was appended to, against scalars over the rows that were appended. */
class CachedAttentionTest {
    private CpuDevice device;

    @BeforeEach
    void open() {
        device = new CpuDevice(2);
    }

    @AfterEach
    void close() {
        device.close();
    }

    private record Shape(int rows, int context, int heads, int kvHeads, int headDim) {
        static Shape random(RandomGenerator random, int mostRows) {
            int rows = 1 + random.nextInt(mostRows), context = rows + random.nextInt(80);
            int kvHeads = 1 + random.nextInt(3), heads = kvHeads * (1 + random.nextInt(5));
            int headDim = random.nextBoolean() ? 2 * (1 + random.nextInt(20)) : 8 << random.nextInt(5);
            return new Shape(rows, context, heads, kvHeads, headDim);
        }

        int capacity() {
            return Device.cacheCapacity(context);
        }

        int width() {
            return heads * headDim;
        }

        int entry() {
            return kvHeads * headDim;
        }
    }

    /** One random attention: rows last of context entries, keys and values [context, G, D]. */
    private final class Case {
        final Shape shape;
        final float[] q, keyRows, valueRows;
        final Buffer keys, values;

        Case(RandomGenerator random, int mostRows) {
            shape = Shape.random(random, mostRows);
            q = Seeds.normal(random, shape.rows * shape.width(), 1);
            keyRows = Seeds.normal(random, shape.context * shape.entry(), 1);
            valueRows = Seeds.normal(random, shape.context * shape.entry(), 1);
            // What is not appended to counts for nothing, whatever it is.
            keys = buffer(filled(shape.capacity() * shape.entry(), Float.NaN));
            values = buffer(filled(shape.capacity() * shape.entry(), Float.NaN));
        }

        void append(int first, int count) {
            int from = first * shape.entry(), to = from + count * shape.entry();
            device.append(
                    keys,
                    values,
                    buffer(Arrays.copyOfRange(keyRows, from, to)),
                    buffer(Arrays.copyOfRange(valueRows, from, to)),
                    count,
                    first,
                    shape.capacity(),
                    shape.kvHeads,
                    shape.headDim);
        }

        /** Rows from.. of the new ones, which end at entry {@code context}. */
        float[] attend(int from, int rows, int context) {
            Buffer out = device.allocate(DType.F32, (long) rows * shape.width());
            Buffer queries = buffer(Arrays.copyOfRange(q, from * shape.width(), (from + rows) * shape.width()));
            Shape s = shape;
            device.attend(out, queries, keys, values, rows, context, s.capacity(), s.heads, s.kvHeads, s.headDim);
            return Native.floats(out);
        }

        float[] plain() {
            float[] out = new float[q.length];
            for (int u = 0; u < shape.rows * shape.heads; u++) {
                int seen = shape.context - shape.rows + u / shape.heads + 1;
                int at = u * shape.headDim, g = u % shape.heads / (shape.heads / shape.kvHeads);
                PlainAttention.attend(out, at, q, at, keyRows, valueRows, seen, g, shape.kvHeads, shape.headDim);
            }
            return out;
        }
    }

    private static float[] filled(int length, float value) {
        float[] all = new float[length];
        Arrays.fill(all, value);
        return all;
    }

    private Buffer buffer(float[] values) {
        Buffer buffer = device.allocate(DType.F32, values.length);
        device.upload(values, 0, buffer, values.length);
        return buffer;
    }

    @Test
    void agreesWithScalarsOverTheRowsThatWereAppended() {
        Seeds.run(80, random -> {
            Case c = new Case(random, 12);
            int first = random.nextInt(c.shape.context + 1);
            c.append(0, first);
            c.append(first, c.shape.context - first);
            assertThat(c.attend(0, c.shape.rows, c.shape.context)).containsExactly(c.plain(), within(2e-5f));
        });
    }

    /** Then later entries do not exist yet, or are of tokens that were refused. */
    @Test
    void rowsHaveTheBitsTheyHaveAlone() {
        Seeds.run(60, random -> {
            Case c = new Case(random, Device.INVARIANT_ROWS);
            int rows = c.shape.rows, before = c.shape.context - rows, width = c.shape.width();
            c.append(0, before);
            float[][] alone = new float[rows][];
            for (int r = 0; r < rows; r++) {
                c.append(before + r, 1);
                alone[r] = c.attend(r, 1, before + r + 1);
            }
            float[] together = c.attend(0, rows, c.shape.context);
            for (int r = 0; r < rows; r++) {
                assertThat(Arrays.copyOfRange(together, r * width, (r + 1) * width))
                        .isEqualTo(alone[r]);
            }
        });
    }

    @Test
    void theNumberOfThreadsChangesNothing() {
        Seeds.run(20, random -> {
            Case c = new Case(random, 8);
            c.append(0, c.shape.context);
            float[] two = c.attend(0, c.shape.rows, c.shape.context);
            try (CpuDevice other = new CpuDevice(1 + random.nextInt(4))) {
                Shape s = c.shape;
                Buffer out = other.allocate(DType.F32, c.q.length);
                other.attend(
                        out,
                        buffer(c.q),
                        c.keys,
                        c.values,
                        s.rows,
                        s.context,
                        s.capacity(),
                        s.heads,
                        s.kvHeads,
                        s.headDim);
                assertThat(Native.floats(out)).isEqualTo(two);
            }
        });
    }

    /** What is copied when two texts begin alike. */
    @Test
    void theFirstBlocksOfAHeadAreItsFirstElements() {
        Seeds.run(20, random -> {
            Case c = new Case(random, 8);
            c.append(0, c.shape.context);
            float[] expected = c.attend(0, c.shape.rows, c.shape.context);
            int larger = c.shape.capacity() + Device.CACHE_BLOCK, d = c.shape.headDim, kept = c.shape.capacity() * d;
            Buffer keys = device.allocate(DType.F32, (long) larger * c.shape.entry());
            Buffer values = device.allocate(DType.F32, (long) larger * c.shape.entry());
            for (int g = 0; g < c.shape.kvHeads; g++) {
                long from = (long) g * kept, to = (long) g * larger * d;
                device.copy(c.keys.slice(from, kept), keys.slice(to, kept), kept);
                device.copy(c.values.slice(from, kept), values.slice(to, kept), kept);
            }
            Buffer out = device.allocate(DType.F32, c.q.length);
            Shape s = c.shape;
            device.attend(out, buffer(c.q), keys, values, s.rows, s.context, larger, s.heads, s.kvHeads, s.headDim);
            assertThat(Native.floats(out)).isEqualTo(expected);
        });
    }

    @Test
    void aCacheOfPartOfABlockIsRefused() {
        Buffer any = device.allocate(DType.F32, 4096);
        int capacity = Device.CACHE_BLOCK + 1;
        assertThatThrownBy(() -> device.append(any, any, any, any, 1, 0, capacity, 1, 8))
                .hasMessageContaining("33 entries");
        assertThatThrownBy(() -> device.attend(any, any, any, any, 1, 1, capacity, 1, 1, 8))
                .hasMessageContaining("33 entries");
    }
}
