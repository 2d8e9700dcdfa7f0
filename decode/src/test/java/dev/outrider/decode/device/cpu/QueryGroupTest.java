package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import org.junit.jupiter.api.Test;

/** Machine code against the Vector API; that these are right is {@link CachedAttentionTest}'s business. */
class QueryGroupTest {
    @Test
    void bothHaveTheSameBits() {
        assumeThat(QueryCode.POSSIBLE).as("AVX-512").isTrue();
        Seeds.run(60, random -> {
            int entries = 1 + random.nextInt(100), capacity = Device.cacheCapacity(entries);
            int channels = random.nextInt(4) == 0 ? 20 : 16 * (1 + random.nextInt(10));
            try (Native memory = new Native()) {
                Buffer keys = memory.zeros(capacity * channels), values = memory.zeros(capacity * channels);
                for (int e = 0; e < entries; e++) {
                    KeyBlocks.put(
                            keys.address(),
                            e,
                            memory.normal(random, channels, 1).address(),
                            channels);
                    KeyBlocks.putValue(
                            values.address(),
                            e,
                            memory.normal(random, channels, 1).address(),
                            channels);
                }
                QueryGroup code = new QueryCode(capacity), loops = new QueryLoops(capacity);
                int queries = 1 + random.nextInt(code.out.length);
                Buffer q = memory.normal(random, queries * channels, 2);
                Buffer found = memory.zeros(queries * channels), expected = memory.zeros(queries * channels);
                for (int i = 0; i < queries; i++) {
                    long at = 4L * channels * i;
                    int seen = 1 + random.nextInt(entries);
                    code.add(found.address() + at, q.address() + at, seen);
                    loops.add(expected.address() + at, q.address() + at, seen);
                    loops.attend(keys.address(), values.address(), channels);
                }
                code.attend(keys.address(), values.address(), channels);
                assertThat(Native.floats(found))
                        .as("%d queries of %d", queries, channels)
                        .isEqualTo(Native.floats(expected));
            }
        });
    }
}
