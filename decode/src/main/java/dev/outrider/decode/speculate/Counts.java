package dev.outrider.decode.speculate;

import dev.outrider.checkpoints.Failure;
import java.util.Arrays;

/**
 * How often each token follows each other one in some texts, and how often each comes at all. Followers of
 * a are ids[i], ascending, {@code times[i]} times each, for starts[a] <= i < starts[a + 1]; row a = V holds
 * all tokens of the texts, whatever they follow.
 */
record Counts(int vocabulary, int[] starts, int[] ids, int[] times) {
    /** Counts the texts, which are gone through twice. Tokens of different texts do not follow each other. */
    static Counts of(int vocabulary, Iterable<int[]> texts) {
        long[] all = new long[vocabulary];
        long[] pairs = pairs(vocabulary, texts, all);
        int runs = 0;
        for (int i = 0; i < pairs.length; i++) if (i == 0 || pairs[i] != pairs[i - 1]) runs++;
        for (long times : all) if (times > 0) runs++;
        Counts counts = new Counts(vocabulary, new int[vocabulary + 2], new int[runs], new int[runs]);
        counts.fill(pairs, all);
        return counts;
    }

    /** The row to guess from after token a: its own, or that of all tokens if nothing ever followed it. */
    int row(int a) {
        return starts[a] < starts[a + 1] ? a : vocabulary;
    }

    /** The most frequent id of a row, the lowest among equals; 0 if there were no texts. */
    int likeliest(int row) {
        int best = starts[row];
        for (int i = best + 1; i < starts[row + 1]; i++) if (times[i] > times[best]) best = i;
        return best < ids.length ? ids[best] : 0;
    }

    /** log count into logits [V], -infinity for ids not in the row. */
    void logits(int row, double[] logits) {
        Arrays.fill(logits, Double.NEGATIVE_INFINITY);
        for (int i = starts[row]; i < starts[row + 1]; i++) logits[ids[i]] = Math.log(times[i]);
    }

    /** Sorted keys a · V + b, one for each time b follows a; all[b] counts b. */
    private static long[] pairs(int vocabulary, Iterable<int[]> texts, long[] all) {
        long size = 0;
        for (int[] text : texts) size += Math.max(0, text.length - 1);
        long[] pairs = new long[Math.toIntExact(size)];
        int n = 0;
        for (int[] text : texts) {
            for (int i = 0; i < text.length; i++) {
                all[checked(text[i], vocabulary)]++;
                if (i > 0) pairs[n++] = (long) text[i - 1] * vocabulary + text[i];
            }
        }
        Arrays.sort(pairs);
        return pairs;
    }

    private void fill(long[] pairs, long[] all) {
        int run = 0;
        for (int i = 0; i < pairs.length; i++) {
            if (i > 0 && pairs[i] == pairs[i - 1]) {
                times[run - 1]++;
            } else {
                starts[(int) (pairs[i] / vocabulary) + 1] = run + 1;
                ids[run] = (int) (pairs[i] % vocabulary);
                times[run++] = 1;
            }
        }
        for (int a = 1; a <= vocabulary; a++) starts[a] = Math.max(starts[a], starts[a - 1]);
        for (int b = 0; b < vocabulary; b++) {
            if (all[b] == 0) continue;
            ids[run] = b;
            times[run++] = (int) Math.min(all[b], Integer.MAX_VALUE);
        }
        starts[vocabulary + 1] = run;
    }

    private static int checked(int id, int vocabulary) {
        if (id >= 0 && id < vocabulary) return id;
        throw Failure.data(
                "texts for an n-gram table",
                "token " + id,
                "ids below the vocabulary's " + vocabulary,
                "Tokenise the texts with the target's own tokenizer.");
    }
}
