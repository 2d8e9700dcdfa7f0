package dev.outrider.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Seeds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/** Passes: nothing that matters is lost, and they take least. */
class BatchTest {
    private static final int TIME = 200, K = 2;

    /** Tokens number the places, so that a pass tells where its sequences are from. */
    private static Batch random(RandomGenerator random, int sequences) {
        int n = sequences * TIME;
        int[] tokens = new int[n], ids = new int[n * K];
        float[] logs = new float[n * K];
        byte[] supervised = new byte[n];
        for (int i = 0; i < n; i++) {
            tokens[i] = i;
            for (int k = 0; k < K; k++) {
                ids[i * K + k] = K * i + k;
                logs[i * K + k] = -i;
            }
        }
        for (int s = 0; s < sequences; s++) {
            int from = random.nextInt(TIME), to = from + random.nextInt(TIME - from + 1);
            Arrays.fill(supervised, s * TIME + from, s * TIME + to, (byte) 1);
        }
        return Batch.nextToken(sequences, TIME, tokens, supervised).with(new BatchLaws(K, ids, logs));
    }

    @Test
    void everyCountedPositionIsInOnePassWithItsLabelAndLaw() {
        Seeds.run(50, random -> {
            Batch batch = random(random, 1 + random.nextInt(9));
            int most = 1 + random.nextInt(5);
            List<Integer> found = new ArrayList<>();
            for (Batch pass : batch.passes(most)) {
                assertThat(pass.sequences()).isBetween(1, most);
                for (int i = 0; i < pass.positions(); i++) {
                    if (pass.counted()[i] == 0) continue;
                    int place = pass.tokens()[i];
                    found.add(place);
                    assertThat(batch.counted()[place]).isEqualTo((byte) 1);
                    assertThat(pass.labels()[i]).isEqualTo(batch.labels()[place]);
                    // The law of a position is that of the token behind it, in the same sequence.
                    assertThat(i % pass.time()).isLessThan(pass.time() - 1);
                    assertThat(pass.laws().orElseThrow().ids()[(i + 1) * K + 1]).isEqualTo(K * (place + 1) + 1);
                    assertThat(pass.laws().orElseThrow().logs()[(i + 1) * K]).isEqualTo(-(place + 1f));
                }
            }
            assertThat(found).doesNotHaveDuplicates().hasSize((int) batch.count());
        });
    }

    @Test
    void sequencesBeginAtTheirBeginning() {
        Seeds.run(30, random -> {
            for (Batch pass : random(random, 5).passes(3)) {
                for (int i = 0; i < pass.positions(); i++) {
                    assertThat(pass.tokens()[i] % TIME).isEqualTo(i % pass.time());
                }
            }
        });
    }

    @Test
    void thePassesTakeLeast() {
        Seeds.run(50, random -> {
            Batch batch = random(random, 1 + random.nextInt(7));
            int most = 1 + random.nextInt(7);
            List<Integer> lengths = new ArrayList<>();
            for (int s = 0; s < batch.sequences(); s++) {
                if (batch.needed(s) > 0) lengths.add(Math.min(TIME, (batch.needed(s) + 15) / 16 * 16));
            }
            if (lengths.isEmpty()) return;
            lengths.sort(Comparator.reverseOrder());
            long found = batch.passes(most).stream()
                    .mapToLong(pass -> 64 + pass.positions())
                    .sum();
            assertThat(found).isEqualTo(least(lengths, most));
        });
    }

    /** Over all ways to cut a list. */
    private static long least(List<Integer> lengths, int most) {
        if (lengths.isEmpty()) return 0;
        long least = Long.MAX_VALUE;
        for (int n = 1; n <= Math.min(most, lengths.size()); n++) {
            long rest = least(lengths.subList(n, lengths.size()), most);
            least = Math.min(least, 64 + (long) n * lengths.getFirst() + rest);
        }
        return least;
    }

    @Test
    void whereNothingCountsThereIsAPassStill() {
        Batch batch = Batch.nextToken(2, TIME, new int[2 * TIME], new byte[2 * TIME]);
        assertThat(batch.passes(4))
                .singleElement()
                .satisfies(pass -> assertThat(pass.count()).isZero());
        assertThat(batch.needed()).isZero();
    }
}
