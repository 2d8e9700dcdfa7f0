package dev.outrider.trainer;

import dev.outrider.data.shard.Hashes;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Rows of which the draft is shown some supervised tokens as others while it is still to say what comes next: where few
 * rows are read over and over, less of them is learnt by heart (unigram noising, arXiv 1703.02573). What stands there
 * instead is drawn from the supervised tokens of the same batch. The same rows are noisy in another way in every epoch.
 *
 * @param share of the supervised tokens, in [0, 1)
 */
public record NoisyRows(Source.Rows rows, double share, long seed) implements Source.Rows {
    @Override
    public Batch read(long from, int count) {
        Batch batch = rows.read(from, count);
        int[] learnt = IntStream.range(1, batch.positions())
                .filter(i -> batch.counted()[i - 1] == 1)
                .toArray();
        int[] shown = batch.tokens().clone();
        SplittableRandom random = new SplittableRandom(Hashes.mix(seed ^ Hashes.mix(from)));
        for (int i : learnt) {
            if (random.nextDouble() < share) shown[i] = batch.tokens()[learnt[random.nextInt(learnt.length)]];
        }
        return new Batch(
                batch.sequences(),
                batch.time(),
                shown,
                batch.labels(),
                batch.counted(),
                batch.laws(),
                batch.pictures());
    }
}
