package dev.outrider.checkpoints.tokenizer;

import java.util.stream.IntStream;

/**
 * Byte-pair encoding of the LLaMA family: merges over the whole stretch, spaces as U+2581, unknown
 * characters as bytes.
 */
final class MarkedBpe implements Model {
    private final Vocabulary vocabulary;
    private final Merges merges;
    private final Spaces spaces;
    private final boolean wordsApart;
    private final WordCache cache = new WordCache();

    /** @param vocabulary with all byte pieces */
    MarkedBpe(Vocabulary vocabulary, Merges merges, Spaces spaces) {
        this.vocabulary = vocabulary;
        this.merges = merges;
        this.spaces = spaces;
        this.wordsApart = merges.keepWordsApart(vocabulary);
    }

    @Override
    public Stretch prepare(Stretch stretch, boolean first) {
        return spaces.escape(stretch, first);
    }

    @Override
    public Coder coder() {
        Merging merging = new Merging(merges);
        return (text, from, to, out) -> words(text, from, to, merging, out);
    }

    // Where no merge crosses the start of a word, words are merged one by one: the same ids, sooner.
    private void words(String text, int from, int to, Merging merging, Tokens out) {
        int start = from;
        for (int at = from + 1; wordsApart && at < to; at++) {
            if (text.charAt(at) == Spaces.MARK && text.charAt(at - 1) != Spaces.MARK) {
                word(text, start, at, merging, out);
                start = at;
            }
        }
        if (wordsApart) word(text, start, to, merging, out);
        else merge(text, start, to, merging, out);
    }

    private void word(String text, int from, int to, Merging merging, Tokens out) {
        cache.word(text, from, to, out, () -> merge(text, from, to, merging, out));
    }

    void merge(String text, int from, int to, Merging merging, Tokens out) {
        for (int at = from, c; at < to; at += Character.charCount(c)) {
            c = text.codePointAt(at);
            boolean unpaired = c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE;
            merging.add(vocabulary.symbol(unpaired ? 0xFFFD : c), at, at + Character.charCount(c));
        }
        merging.finish((symbol, start, end) -> vocabulary.spell(symbol, start, end, out));
    }

    /** {@inheritDoc} A run of byte pieces that is not UTF-8 becomes U+FFFD for each of its bytes, as published. */
    @Override
    public String decode(int[] ids) {
        return spaces.unescape(vocabulary.unmarked(ids));
    }

    @Override
    public String behaviour() {
        return spaces.toString();
    }

    @Override
    public IntStream preferences() {
        return merges.list().stream().mapToInt(Merges.Merge::merged).distinct();
    }

    Merges merges() {
        return merges;
    }

    Spaces spaces() {
        return spaces;
    }
}
