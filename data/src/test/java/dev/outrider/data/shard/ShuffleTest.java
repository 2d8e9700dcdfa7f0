package dev.outrider.data.shard;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Seeds;
import java.util.Arrays;
import java.util.BitSet;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class ShuffleTest {
    @Test
    void everyEpochVisitsEveryRowOnce() {
        Seeds.run(40, random -> {
            int rows = random.nextInt(1, random.nextInt(2, 5000));
            Shuffle shuffle = new Shuffle(rows, random.nextLong());
            for (long epoch : new long[] {0, 1, random.nextLong(1L << 32)}) {
                BitSet seen = new BitSet();
                for (long row : epoch(shuffle, rows, epoch)) seen.set((int) row);
                assertThat(seen.cardinality()).isEqualTo(rows);
                assertThat(seen.length()).isEqualTo(rows);
            }
        });
    }

    @Test
    void epochsAndSeedsDiffer() {
        long[] order = epoch(new Shuffle(1000, 1), 1000, 0);
        assertThat(order).isNotEqualTo(epoch(new Shuffle(1000, 1), 1000, 1));
        assertThat(order).isNotEqualTo(epoch(new Shuffle(1000, 2), 1000, 0));
        assertThat(order).isEqualTo(epoch(new Shuffle(1000, 1), 1000, 0));
    }

    /** Neighbours end up anywhere: the mean distance of uniformly drawn pairs is a third of the rows. */
    @Test
    void neighboursAreScattered() {
        int rows = 10_000;
        long[] order = epoch(new Shuffle(rows, 3), rows, 5);
        double distance = 0;
        for (int i = 1; i < rows; i++) distance += Math.abs(order[i] - order[i - 1]) / (double) (rows - 1);
        assertThat(distance / rows).isBetween(0.31, 0.36);
        assertThat(Arrays.stream(order).limit(rows / 10).average().orElseThrow() / rows)
                .isBetween(0.45, 0.55);
    }

    @Test
    void worksBeyondThirtyTwoBits() {
        Shuffle shuffle = new Shuffle(1L << 40, 9);
        assertThat(LongStream.range(0, 1000).map(shuffle::row).distinct().count())
                .isEqualTo(1000);
    }

    private static long[] epoch(Shuffle shuffle, int rows, long epoch) {
        return LongStream.range(0, rows).map(i -> shuffle.row(epoch * rows + i)).toArray();
    }
}
