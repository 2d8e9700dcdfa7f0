package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Attention over caches, for one text and for many, and that of training. */
public abstract class AttentionContract extends DeviceContract {
    private record Shape(int rows, int context, int heads, int kvHeads, int headDim) {
        static Shape random(RandomGenerator random, int mostRows) {
            int rows = 1 + random.nextInt(mostRows), context = rows + random.nextInt(150);
            int kvHeads = 1 + random.nextInt(2), heads = kvHeads * (1 + random.nextInt(4));
            return new Shape(rows, context, heads, kvHeads, dim(random));
        }

        static int dim(RandomGenerator random) {
            return random.nextBoolean() ? 2 * (1 + random.nextInt(20)) : 8 << random.nextInt(4);
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

        Case(RandomGenerator random, Shape shape) {
            this.shape = shape;
            q = Seeds.normal(random, shape.rows * shape.width(), 1);
            keyRows = Seeds.normal(random, shape.context * shape.entry(), 1);
            valueRows = Seeds.normal(random, shape.context * shape.entry(), 1);
            // What is not appended to counts for nothing, whatever it is.
            float[] nothing = new float[shape.capacity() * shape.entry()];
            Arrays.fill(nothing, Float.NaN);
            keys = of(nothing);
            values = of(nothing);
        }

        void append(int first, int count) {
            int from = first * shape.entry(), to = from + count * shape.entry();
            Buffer k = of(Arrays.copyOfRange(keyRows, from, to)), v = of(Arrays.copyOfRange(valueRows, from, to));
            device.append(keys, values, k, v, count, first, shape.capacity(), shape.kvHeads, shape.headDim);
        }

        /** Rows from.. of the new ones, which end at entry {@code context}. */
        float[] attend(int from, int rows, int context) {
            Buffer out = zeros(rows * shape.width());
            Buffer queries = of(Arrays.copyOfRange(q, from * shape.width(), (from + rows) * shape.width()));
            Shape s = shape;
            device.attend(out, queries, keys, values, rows, context, s.capacity(), s.heads, s.kvHeads, s.headDim);
            return floats(out);
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

    @Test
    public void agreesWithScalarsOverTheRowsThatWereAppended() {
        Seeds.run(12, random -> {
            Case c = new Case(random, Shape.random(random, 12));
            int first = random.nextInt(c.shape.context + 1);
            c.append(0, first);
            c.append(first, c.shape.context - first);
            assertThat(c.attend(0, c.shape.rows, c.shape.context)).containsExactly(c.plain(), within(2e-5f));
        });
    }

    /** Chunks of fewer entries, on a device that cuts the entries so that they fit. */
    @Test
    public void largeHeads() {
        Seeds.run(1, random -> {
            Case c = new Case(random, new Shape(2, 70, 2, 1, 256));
            c.append(0, 70);
            assertThat(c.attend(0, 2, 70)).containsExactly(c.plain(), within(2e-5f));
        });
    }

    /** Then later entries do not exist yet, or are of tokens that were refused. */
    @Test
    public void rowsHaveTheBitsTheyHaveAlone() {
        Seeds.run(6, random -> {
            Case c = new Case(random, Shape.random(random, Device.INVARIANT_ROWS));
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

    /** What is copied when two texts begin alike. */
    @Test
    public void theFirstBlocksOfAHeadAreItsFirstElements() {
        Seeds.run(3, random -> {
            Case c = new Case(random, Shape.random(random, 8));
            c.append(0, c.shape.context);
            float[] expected = c.attend(0, c.shape.rows, c.shape.context);
            int larger = c.shape.capacity() + Device.CACHE_BLOCK, d = c.shape.headDim, kept = c.shape.capacity() * d;
            Buffer keys = zeros(larger * c.shape.entry()), values = zeros(larger * c.shape.entry());
            for (int g = 0; g < c.shape.kvHeads; g++) {
                long from = (long) g * kept, to = (long) g * larger * d;
                device.copy(c.keys.slice(from, kept), keys.slice(to, kept), kept);
                device.copy(c.values.slice(from, kept), values.slice(to, kept), kept);
            }
            Buffer out = zeros(c.q.length);
            Shape s = c.shape;
            device.attend(out, of(c.q), keys, values, s.rows, s.context, larger, s.heads, s.kvHeads, s.headDim);
            assertThat(floats(out)).isEqualTo(expected);
        });
    }

    @Test
    public void aCacheOfPartOfABlockIsRefused() {
        Buffer any = zeros(4096);
        int capacity = Device.CACHE_BLOCK + 1;
        assertThatThrownBy(() -> device.append(any, any, any, any, 1, 0, capacity, 1, 8))
                .hasMessageContaining("33 entries");
        assertThatThrownBy(() -> device.attend(any, any, any, any, 1, 1, capacity, 1, 1, 8))
                .hasMessageContaining("33 entries");
        assertThatThrownBy(() -> device.attend(any, any, any, any, 1, 65, 64, 1, 1, 8))
                .isInstanceOf(IndexOutOfBoundsException.class);
    }

    /** A row of each of many caches is what it is for one cache, and none where it sees nothing. */
    @Test
    public void rowsOfManyCachesAreThoseOfOne() {
        Seeds.run(6, random -> {
            int kvHeads = 1 + random.nextInt(2), heads = kvHeads * (1 + random.nextInt(3)), dim = Shape.dim(random);
            int rows = 1 + random.nextInt(5), capacity = 96, width = heads * dim, entry = kvHeads * dim;
            int cache = capacity * entry;
            Buffer keys = normal(random, rows * cache, 1), values = normal(random, rows * cache, 1);
            Buffer ownKeys = zeros(rows * cache), ownValues = zeros(rows * cache);
            device.copy(keys, ownKeys, rows * cache);
            device.copy(values, ownValues, rows * cache);
            Buffer newKeys = normal(random, rows * entry, 1), newValues = normal(random, rows * entry, 1);
            int[] context = random.ints(rows, 0, capacity + 1).toArray();
            int[] entries = Arrays.stream(context).map(n -> n - 1).toArray();
            device.appendEach(keys, values, newKeys, newValues, rows, entries, capacity, kvHeads, dim);
            Buffer q = normal(random, rows * width, 1), out = normal(random, rows * width, 1);
            Buffer own = normal(random, rows * width, 1);
            device.attendEach(out, q, keys, values, rows, context, capacity, heads, kvHeads, dim);
            for (int r = 0; r < rows; r++) {
                if (context[r] == 0) {
                    device.zero(own.slice((long) r * width, width), width);
                    continue;
                }
                Buffer k = ownKeys.slice((long) r * cache, cache), v = ownValues.slice((long) r * cache, cache);
                Buffer newK = newKeys.slice((long) r * entry, entry), newV = newValues.slice((long) r * entry, entry);
                device.append(k, v, newK, newV, 1, entries[r], capacity, kvHeads, dim);
                Buffer to = own.slice((long) r * width, width), from = q.slice((long) r * width, width);
                device.attend(to, from, k, v, 1, context[r], capacity, heads, kvHeads, dim);
            }
            assertThat(floats(keys)).isEqualTo(floats(ownKeys));
            assertThat(floats(values)).isEqualTo(floats(ownValues));
            assertThat(floats(out)).isEqualTo(floats(own));
        });
    }

    @Test
    public void everyRowIsRotatedToItsOwnPosition() {
        Seeds.run(4, random -> {
            int rows = 1 + random.nextInt(6), heads = 1 + random.nextInt(3), half = 1 + random.nextInt(20);
            int positions = 1 + random.nextInt(30), width = heads * 2 * half;
            Buffer x = normal(random, rows * width, 1), table = normal(random, positions * 2 * half, 1);
            Buffer expected = zeros(rows * width);
            device.copy(x, expected, x.elements());
            int[] position = random.ints(rows, 0, positions).toArray();
            device.ropeEach(x, rows, heads, 2 * half, table, positions, position);
            IntStream.range(0, rows).forEach(r -> {
                Buffer row = expected.slice((long) r * width, width);
                device.rope(row, 1, width, heads, 2 * half, table, positions, position[r], 1, false);
            });
            assertThat(floats(x)).isEqualTo(floats(expected));
        });
    }

    // ---- training -----------------------------------------------------------------------------

    @Test
    public void selfAttention() {
        Seeds.run(5, random -> {
            int kvHeads = 1 + random.nextInt(2), shared = 1 + random.nextInt(2), headDim = 1 + random.nextInt(40);
            int batch = 1 + random.nextInt(2), time = 1 + random.nextInt(50);
            boolean causal = random.nextBoolean();
            agrees(random, new SelfAttentionReference(batch, time, kvHeads * shared, kvHeads, headDim, causal), 1);
        });
    }

    @Test
    public void selfAttentionOverSeveralTiles() {
        Seeds.run(1, random -> agrees(random, new SelfAttentionReference(1, 97, 2, 1, 16, true), 1));
        Seeds.run(1, random -> agrees(random, new SelfAttentionReference(1, 64, 2, 2, 64, false), 1));
        Seeds.run(1, random -> agrees(random, new SelfAttentionReference(1, 40, 1, 1, 100, true), 1));
        Seeds.run(1, random -> agrees(random, new SelfAttentionReference(1, 33, 1, 1, 200, true), 1));
    }

    @Test
    public void selfAttentionWhereScoresAreLarge() {
        Seeds.run(1, random -> agrees(random, new SelfAttentionReference(2, 35, 2, 1, 20, true), 20));
    }

    private void agrees(RandomGenerator random, SelfAttentionReference s, double scale) {
        int tokens = s.batch() * s.time(), outputs = tokens * s.heads() * s.headDim();
        int inputs = tokens * (s.heads() + 2 * s.kvHeads()) * s.headDim();
        Buffer qkv = normal(random, inputs, scale), dout = normal(random, outputs, 1);
        Buffer out = zeros(outputs), logs = zeros(tokens * s.heads()), dqkv = normal(random, inputs, Float.NaN);
        device.selfAttention(out, logs, qkv, s.batch(), s.time(), s.heads(), s.kvHeads(), s.headDim(), s.causal());
        device.selfAttentionGradient(
                dqkv, dout, out, logs, qkv, s.batch(), s.time(), s.heads(), s.kvHeads(), s.headDim(), s.causal());
        double[] expected = new double[outputs], sums = new double[tokens * s.heads()], gradient = new double[inputs];
        s.forward(expected, sums, doubles(qkv));
        s.gradient(gradient, doubles(dout), doubles(qkv));
        // A score of size scale² has an error of that many float steps, and so has the exponent.
        double tolerance = 5e-6 * Math.max(1, scale * scale);
        close(sums, logs, 5e-6);
        close(expected, out, tolerance);
        close(gradient, dqkv, 2 * tolerance);
    }
}
