package dev.outrider.checkpoints.tokenizer;

import dev.outrider.checkpoints.tokenizer.AddedTokens.Span;
import dev.outrider.checkpoints.tokenizer.Vocabulary.Kind;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * The tokenizer of the LLaMA family: byte-pair merges over the whole text, spaces as U+2581, unknown
 * characters as bytes. Special tokens are cut out first; what lies between them is a stretch, and each is
 * marked, cut at added tokens of its own, and merged by itself. One class for all file formats.
 */
final class BpeTokenizer implements Tokenizer {
    private final Vocabulary vocabulary;
    private final Merges merges;
    private final Spaces spaces;
    private final AddedTokens raw;
    private final AddedTokens marked;
    private final int bosId;
    private final int eosId;
    private final boolean wordsApart;
    private String hash;

    /**
     * @param raw tokens found in the text as it is
     * @param marked tokens found in a stretch after spaces were marked
     */
    BpeTokenizer(
            Vocabulary vocabulary,
            Merges merges,
            Spaces spaces,
            AddedTokens raw,
            AddedTokens marked,
            int bosId,
            int eosId) {
        this.vocabulary = vocabulary;
        this.merges = merges;
        this.spaces = spaces;
        this.raw = raw;
        this.marked = marked;
        this.bosId = bosId;
        this.eosId = eosId;
        this.wordsApart = merges.keepWordsApart(vocabulary);
    }

    @Override
    public int size() {
        return vocabulary.size();
    }

    @Override
    public int bosId() {
        return bosId;
    }

    @Override
    public int eosId() {
        return eosId;
    }

    @Override
    public int[] encode(String text, boolean special) {
        Ids out = new Ids();
        Merging merging = new Merging(vocabulary, merges);
        for (Span span : raw.split(text, special)) {
            if (span.id() >= 0) out.add(span.id());
            else
                stretch(spaces.escape(text.substring(span.from(), span.to()), span.from() == 0), special, merging, out);
        }
        return out.toArray();
    }

    private void stretch(String text, boolean special, Merging merging, Ids out) {
        for (Span span : marked.split(text, special)) {
            if (span.id() >= 0) out.add(span.id());
            else words(text, span, merging, out);
        }
    }

    // Where no merge crosses the start of a word, words are merged one by one: the same ids, sooner.
    private void words(String text, Span span, Merging merging, Ids out) {
        int from = span.from();
        for (int at = from + 1; wordsApart && at < span.to(); at++) {
            if (text.charAt(at) == Spaces.MARK && text.charAt(at - 1) != Spaces.MARK) {
                merging.encode(text, from, at, out);
                from = at;
            }
        }
        merging.encode(text, from, span.to(), out);
    }

    /** {@inheritDoc} A run of byte pieces that is not UTF-8 becomes U+FFFD for each of its bytes, as published. */
    @Override
    public String decode(int[] ids) {
        StringBuilder out = new StringBuilder();
        ByteBuffer run = ByteBuffer.allocate(ids.length);
        for (int id : ids) {
            if (id < 0 || id >= size() || vocabulary.kind(id) == Kind.CONTROL) continue;
            if (vocabulary.kind(id) == Kind.BYTE) {
                run.put(vocabulary.byteValue(id));
            } else {
                endRun(run, out);
                out.append(vocabulary.piece(id).replace(Spaces.MARK, ' '));
            }
        }
        endRun(run, out);
        return spaces.unescape(out.toString());
    }

    private static void endRun(ByteBuffer run, StringBuilder out) {
        run.flip();
        int bytes = run.remaining();
        try {
            out.append(StandardCharsets.UTF_8.newDecoder().decode(run));
        } catch (CharacterCodingException e) {
            out.append("\uFFFD".repeat(bytes));
        }
        run.clear();
    }

    @Override
    public String piece(int id) {
        return id >= 0 && id < size() ? vocabulary.piece(id) : "[" + id + "]";
    }

    @Override
    public int specialId(String piece) {
        int id = vocabulary.id(piece);
        return id >= 0 && (vocabulary.kind(id) == Kind.CONTROL || vocabulary.kind(id) == Kind.DEFINED) ? id : -1;
    }

    /** {@inheritDoc} The same for tokenizer.model and the tokenizer.json converted from it. */
    @Override
    public String hash() {
        if (hash == null) hash = digest();
        return hash;
    }

    private String digest() {
        StringBuilder text =
                new StringBuilder("outrider tokenizer 1\n").append(spaces).append('\n');
        for (int id = 0; id < size(); id++) {
            text.append(vocabulary.kind(id))
                    .append(' ')
                    .append(vocabulary.piece(id))
                    .append('\0');
        }
        merges.list().stream()
                .mapToInt(Merges.Merge::merged)
                .distinct()
                .forEach(id -> text.append(id).append(' '));
        text.append(raw.all()).append(marked.all());
        try {
            byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    Vocabulary vocabulary() {
        return vocabulary;
    }

    Merges merges() {
        return merges;
    }

    Spaces spaces() {
        return spaces;
    }

    AddedTokens raw() {
        return raw;
    }

    AddedTokens marked() {
        return marked;
    }
}
