package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class CachedAttentionTest {
    private Native memory;

    @BeforeEach
    void open() {
        memory = new Native();
    }

    @AfterEach
    void close() {
        memory.close();
    }

    /** One random attention: rows last of context entries. */
    private record Case(Buffer q, Buffer keys, Buffer values, Shape shape) {}

    private record Shape(int rows, int context, int capacity, int heads, int kvHeads, int headDim) {}

    @Test
    void rowsHaveTheBitsTheyHaveAlone() {
        Seeds.run(60, random -> {
            Case c = random(random, 32);
            float[] together = Native.floats(attend(c, 1 + random.nextInt(3)));
            for (int r = 0; r < c.shape.rows; r++) {
                int width = c.shape.heads * c.shape.headDim;
                float[] alone = Native.floats(attend(row(c, r), 1));
                assertThat(alone).isEqualTo(java.util.Arrays.copyOfRange(together, r * width, (r + 1) * width));
            }
        });
    }

    @Test
    void vectorsAgreeWithScalars() {
        Seeds.run(60, random -> {
            Case c = random(random, 8);
            assertThat(Native.floats(attend(c, 2))).containsExactly(scalar(c), within(2e-5f));
        });
    }

    @Test
    void appendPutsEveryHeadsEntryInItsPlace() {
        Seeds.run(20, random -> {
            int count = 1 + random.nextInt(5), first = random.nextInt(4), capacity = first + count + random.nextInt(3);
            int kvHeads = 1 + random.nextInt(3), headDim = 2 * (1 + random.nextInt(8));
            Buffer rows = memory.normal(random, count * kvHeads * headDim, 1);
            Buffer cache = memory.zeros(capacity * kvHeads * headDim);
            CachedAttention.append(cache, rows, count, first, capacity, kvHeads, headDim);
            for (int i = 0; i < cache.elements(); i++) {
                int d = i % headDim, r = i / headDim % capacity - first, g = i / headDim / capacity;
                float expected = r < 0 || r >= count ? 0 : Native.value(rows, (r * kvHeads + g) * headDim + d);
                assertThat(Native.value(cache, i)).isEqualTo(expected);
            }
        });
    }

    private float[] scalar(Case c) {
        Shape s = c.shape;
        Buffer out = memory.zeros(s.rows * s.heads * s.headDim);
        for (int r = 0; r < s.rows; r++) {
            for (int h = 0; h < s.heads; h++) {
                long at = 4L * s.headDim * (r * s.heads + h);
                long cache = 4L * s.headDim * s.capacity * (h / (s.heads / s.kvHeads));
                long keys = c.keys.address() + cache, values = c.values.address() + cache;
                int seen = s.context - s.rows + r + 1;
                AttentionRow.scalar(out.address() + at, c.q.address() + at, keys, values, seen, s.headDim);
            }
        }
        return Native.floats(out);
    }

    private Case random(RandomGenerator random, int mostRows) {
        int rows = 1 + random.nextInt(mostRows), context = rows + random.nextInt(80);
        int capacity = context + random.nextInt(5), kvHeads = 1 + random.nextInt(3);
        int heads = kvHeads * (1 + random.nextInt(3)), headDim = headDim(random);
        int cache = kvHeads * capacity * headDim;
        return new Case(
                memory.normal(random, rows * heads * headDim, 1),
                memory.normal(random, cache, 1),
                memory.normal(random, cache, 1),
                new Shape(rows, context, capacity, heads, kvHeads, headDim));
    }

    private static int headDim(RandomGenerator random) {
        return random.nextBoolean() ? 2 * (1 + random.nextInt(20)) : 8 << random.nextInt(5);
    }

    // Row r as the only new one: the cache ends with its own entry.
    private static Case row(Case c, int r) {
        Shape s = c.shape;
        long width = (long) s.heads * s.headDim;
        int context = s.context - s.rows + r + 1;
        Shape one = new Shape(1, context, s.capacity, s.heads, s.kvHeads, s.headDim);
        return new Case(c.q.slice(r * width, width), c.keys, c.values, one);
    }

    private Buffer attend(Case c, int threads) {
        Shape s = c.shape;
        Buffer out = memory.zeros(s.rows * s.heads * s.headDim);
        try (Threads workers = new Threads(threads)) {
            CachedAttention.attend(
                    workers, out, c.q, c.keys, c.values, s.rows, s.context, s.capacity, s.heads, s.kvHeads, s.headDim);
        }
        return out;
    }
}
