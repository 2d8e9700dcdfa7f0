package dev.outrider.checkpoints.tokenizer;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Byte-pair encoding over bytes, as GPT-2, Llama 3, Qwen2 and SmolLM have it: the stretch is cut into words
 * by the splitters, one after the other, and each word's bytes are merged. Bytes that the vocabulary lacks vanish.
 */
final class ByteLevelBpe implements Model {
    private final Vocabulary vocabulary;
    private final Merges merges;
    private final List<Splitter> splitters;
    private final boolean composes;
    private final boolean wholeWords;
    private final int[] byteIds = new int[256];
    private final byte[][] bytes;
    private final WordCache cache = new WordCache();

    /**
     * @param composes whether text is brought to normalisation form C
     * @param wholeWords whether a word that is a piece is that piece, whatever the merges say
     */
    ByteLevelBpe(Vocabulary vocabulary, Merges merges, List<Splitter> splitters, boolean composes, boolean wholeWords) {
        this.vocabulary = vocabulary;
        this.merges = merges;
        this.splitters = List.copyOf(splitters);
        this.composes = composes;
        this.wholeWords = wholeWords;
        for (int b = 0; b < 256; b++) byteIds[b] = vocabulary.id(String.valueOf(ByteAlphabet.letter(b)));
        bytes = new byte[vocabulary.size()][];
        for (int id = 0; id < bytes.length; id++) bytes[id] = ByteAlphabet.bytes(vocabulary.piece(id));
    }

    /** Whether every text can be spelled. */
    boolean hasAllBytes() {
        return Arrays.stream(byteIds).allMatch(id -> id >= 0);
    }

    @Override
    public Stretch prepare(Stretch stretch, boolean first) {
        return composes ? Composition.compose(stretch) : stretch;
    }

    @Override
    public Coder coder() {
        Merging merging = new Merging(merges);
        return (text, from, to, out) -> split(0, text, from, to, merging, out);
    }

    private void split(int step, String text, int from, int to, Merging merging, Tokens out) {
        if (step == splitters.size()) {
            word(text, from, to, merging, out);
            return;
        }
        Splitter splitter = splitters.get(step);
        for (int at = from, end; at < to; at = end) {
            end = splitter.end(text, at, to);
            split(step + 1, text, at, end, merging, out);
        }
    }

    private void word(String text, int from, int to, Merging merging, Tokens out) {
        cache.word(text, from, to, out, () -> spell(text, from, to, merging, out));
    }

    private void spell(String text, int from, int to, Merging merging, Tokens out) {
        int whole = wholeWords ? vocabulary.id(ByteAlphabet.spell(text, from, to)) : -1;
        if (whole >= 0) {
            out.add(whole, from, to);
            return;
        }
        for (int at = from, end; at < to; at = end) {
            int c = text.codePointAt(at);
            end = at + Character.charCount(c);
            addBytes(Utf8.unpaired(c) ? 0xFFFD : c, at, end, merging);
        }
        merging.finish((symbol, start, end) -> out.add(symbol, start, end));
    }

    private void addBytes(int c, int at, int end, Merging merging) {
        if (c < 0x80) {
            addByte(c, at, end, merging);
            return;
        }
        int bits = c < 0x800 ? 6 : c < 0x10000 ? 12 : 18;
        addByte(0xff00 >> bits / 6 + 1 & 0xff | c >> bits, at, end, merging);
        for (int shift = bits - 6; shift >= 0; shift -= 6) addByte(0x80 | c >> shift & 0x3f, at, end, merging);
    }

    private void addByte(int value, int at, int end, Merging merging) {
        if (byteIds[value] >= 0) merging.add(byteIds[value], at, end);
    }

    @Override
    public String decode(int[] ids) {
        int length = 0;
        for (int id : ids) length += bytes[id].length;
        byte[] all = new byte[length];
        int at = 0;
        for (int id : ids) {
            System.arraycopy(bytes[id], 0, all, at, bytes[id].length);
            at += bytes[id].length;
        }
        return Utf8.lossy(all);
    }

    @Override
    public String behaviour() {
        return "byte-level " + splitters + (composes ? " NFC" : "") + (wholeWords ? " whole words" : "");
    }

    @Override
    public IntStream preferences() {
        return merges.list().stream().mapToInt(Merges.Merge::merged).distinct();
    }

    Merges merges() {
        return merges;
    }

    List<Splitter> splitters() {
        return splitters;
    }

    boolean composes() {
        return composes;
    }

    boolean wholeWords() {
        return wholeWords;
    }
}
