package dev.outrider.data.shard;

import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.model.Picture;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * How often each token is learnt (a supervised position's token, what the head has to say) and read (a token
 * before a row's last supervised one, what the embedding is asked for) in the rows of some shards. From it a
 * draft's vocabulary is chosen: the tokens that the target's answers are made of.
 */
public final class TokenCounts {
    private final long[] learnt;
    private final long[] read;

    private TokenCounts(int vocabulary) {
        learnt = new long[vocabulary];
        read = new long[vocabulary];
    }

    /**
     * Goes through all rows once.
     *
     * @throws Failure USAGE where there are no shards or their vocabularies differ
     */
    public static TokenCounts of(Shards... shards) {
        if (shards.length == 0) throw Failure.usage("token counts", "no shards", "at least one folder", "Name them.");
        TokenCounts counts = new TokenCounts(shards[0].manifest().vocabSize());
        for (Shards one : shards) counts.add(one);
        return counts;
    }

    private void add(Shards shards) {
        if (shards.manifest().vocabSize() != vocabulary()) throw other(shards);
        int[] tokens = new int[shards.length()];
        byte[] mask = new byte[tokens.length];
        for (long row = 0; row < shards.rows(); row++) {
            shards.read(row, tokens, 0, mask, 0);
            add(tokens, mask);
        }
    }

    private Failure other(Shards shards) {
        return Failure.usage(
                "token counts",
                "shards of " + shards.manifest().vocabSize() + " ids beside ones of " + vocabulary(),
                "one vocabulary",
                "Count shards of one tokenizer.");
    }

    // A row's first token is predicted by nothing; a picture is no token.
    private void add(int[] tokens, byte[] mask) {
        int last = tokens.length - 1;
        while (last > 0 && mask[last] == 0) last--;
        for (int i = 0; i < last; i++) if (!Picture.isPlaceholder(tokens[i])) read[tokens[i]]++;
        for (int i = 1; i <= last; i++) if (mask[i] != 0 && !Picture.isPlaceholder(tokens[i])) learnt[tokens[i]]++;
    }

    public int vocabulary() {
        return learnt.length;
    }

    /** Supervised positions with this token. */
    public long learnt(int id) {
        return learnt[id];
    }

    /** Positions from which this token helps to predict. */
    public long read(int id) {
        return read[id];
    }

    /**
     * The tokens learnt most often, the lower id first among equals, and in any case these; ascending.
     *
     * @param size V'
     * @param always end tokens and others that the draft must be able to say
     * @throws Failure USAGE where size is not from the number of these to the whole vocabulary
     */
    public DraftVocabulary mostFrequent(int size, Set<Integer> always) {
        if (size < Math.max(1, always.size()) || size > vocabulary()) throw noSize(size, always);
        Set<Integer> chosen = new TreeSet<>(always);
        Stream<Integer> ranked =
                IntStream.range(0, vocabulary()).boxed().sorted(Comparator.comparingLong((Integer id) -> -learnt[id]));
        ranked.takeWhile(id -> chosen.size() < size).forEachOrdered(chosen::add);
        return new DraftVocabulary(
                vocabulary(), chosen.stream().mapToInt(Integer::intValue).toArray());
    }

    private Failure noSize(int size, Set<Integer> always) {
        return Failure.usage(
                "draft vocabulary",
                size + " tokens",
                Math.max(1, always.size()) + " (those that must be in it) to " + vocabulary(),
                "Choose another size.");
    }

    /** Share of the learnt positions whose token the draft can say; NaN where nothing is learnt. */
    public double coverage(DraftVocabulary outputs) {
        long covered = IntStream.of(outputs.targets()).mapToLong(this::learnt).sum();
        return (double) covered / Arrays.stream(learnt).sum();
    }

    /** Which rows of a draft with all tokens these shards leave as they are. */
    public RowUse use() {
        return new RowUse(vocabulary(), zeros(read), vocabulary(), zeros(learnt));
    }

    /** Which rows of a draft that can say these tokens these shards leave as they are. */
    public RowUse use(DraftVocabulary outputs) {
        long idle =
                IntStream.of(outputs.targets()).filter(id -> learnt[id] == 0).count();
        return new RowUse(vocabulary(), zeros(read), outputs.size(), (int) idle);
    }

    private static int zeros(long[] counts) {
        return (int) Arrays.stream(counts).filter(n -> n == 0).count();
    }
}
