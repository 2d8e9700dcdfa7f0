package dev.outrider.data.text;

import dev.outrider.data.shard.Hashes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What two texts have in common, whatever their punctuation, case and spaces: words, and runs of n of them as
 * 64-bit hashes. Letters of scripts without spaces between words are words of their own.
 */
public final class WordGrams {
    private static final Pattern WORD =
            Pattern.compile("[\\p{IsHan}\\p{IsHiragana}\\p{IsKatakana}\\p{IsThai}]|[\\p{L}\\p{M}\\p{N}&&"
                    + "[^\\p{IsHan}\\p{IsHiragana}\\p{IsKatakana}\\p{IsThai}]]+");

    private WordGrams() {}

    /** In small letters, in order. */
    public static List<String> words(String text) {
        List<String> out = new ArrayList<>();
        Matcher word = WORD.matcher(Normalise.text(text).toLowerCase(Locale.ROOT));
        while (word.find()) out.add(word.group());
        return out;
    }

    /** The different runs of n words, sorted; of a shorter text its one run, of one without words none. */
    public static long[] of(List<String> words, int n) {
        if (words.isEmpty()) return new long[0];
        long[] hashes = words.stream().mapToLong(WordGrams::hash).toArray();
        int length = Math.min(n, hashes.length);
        long[] out = new long[hashes.length - length + 1];
        for (int i = 0; i < out.length; i++) out[i] = run(hashes, i, length);
        return Arrays.stream(out).sorted().distinct().toArray();
    }

    private static long run(long[] hashes, int from, int length) {
        long hash = length;
        for (int i = from; i < from + length; i++) hash = Hashes.mix(hash ^ hashes[i]);
        return hash;
    }

    private static long hash(String word) {
        long hash = word.length();
        for (int i = 0; i < word.length(); i++) hash = hash * 0x100000001b3L + word.charAt(i);
        return Hashes.mix(hash);
    }

    /** Jaccard's: members in both, of those in either. */
    static double similarity(int[] a, int[] b) {
        int both = 0;
        for (int i = 0, j = 0; i < a.length && j < b.length; ) {
            if (a[i] == b[j]) both++;
            int order = Integer.compare(a[i], b[j]);
            if (order <= 0) i++;
            if (order >= 0) j++;
        }
        return a.length + b.length == 0 ? 0 : both / (double) (a.length + b.length - both);
    }
}
