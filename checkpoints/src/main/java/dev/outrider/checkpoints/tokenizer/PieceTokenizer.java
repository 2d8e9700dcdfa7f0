package dev.outrider.checkpoints.tokenizer;

import dev.outrider.checkpoints.tokenizer.AddedTokens.Span;
import dev.outrider.checkpoints.tokenizer.Vocabulary.Kind;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * The tokenizer of all models and file formats. Special tokens are cut out first; what lies between them is a
 * stretch, and each is prepared, cut at added tokens of its own, and encoded by itself by the {@link Model}.
 */
final class PieceTokenizer implements Tokenizer {
    private final Vocabulary vocabulary;
    private final Model model;
    private final AddedTokens raw;
    private final AddedTokens prepared;
    private final Ends ends;
    private final Origin origin;
    private String hash;

    /**
     * @param raw tokens found in the text as it is
     * @param prepared tokens found in a stretch after it was prepared
     */
    PieceTokenizer(Vocabulary vocabulary, Model model, AddedTokens raw, AddedTokens prepared, Ends ends) {
        this(vocabulary, model, raw, prepared, ends, Origin.NONE);
    }

    /** @param origin of no effect but on how it is written */
    PieceTokenizer(
            Vocabulary vocabulary, Model model, AddedTokens raw, AddedTokens prepared, Ends ends, Origin origin) {
        this.vocabulary = vocabulary;
        this.model = model;
        this.raw = raw;
        this.prepared = prepared;
        this.ends = ends;
        this.origin = origin;
    }

    @Override
    public int size() {
        return vocabulary.size();
    }

    @Override
    public int bosId() {
        return ends.bos();
    }

    @Override
    public int eosId() {
        return ends.eos();
    }

    @Override
    public boolean addsBos() {
        return ends.addsBos();
    }

    @Override
    public int[] encode(String text, boolean special) {
        Tokens out = new Tokens(false);
        encode(text, (from, to) -> special, out);
        return out.toArray();
    }

    @Override
    public Encoding encodeWithOffsets(String text, SpecialAt special) {
        Tokens out = new Tokens(true);
        encode(text, special, out);
        return out.encoding();
    }

    private void encode(String text, SpecialAt special, Tokens out) {
        Model.Coder coder = model.coder();
        for (Span span : raw.split(text, special)) {
            Stretch stretch = Stretch.of(text, span.from(), span.to());
            if (span.id() < 0) stretch = model.prepare(stretch, span.from() == 0);
            out.enter(stretch);
            if (span.id() >= 0) out.add(span.id(), 0, stretch.text().length());
            else stretch(stretch, special, coder, out);
        }
    }

    private void stretch(Stretch stretch, SpecialAt special, Model.Coder coder, Tokens out) {
        String text = stretch.text();
        SpecialAt here = (from, to) -> special.parsed(stretch.start(from), stretch.end(to - 1));
        for (Span span : prepared.split(text, here)) {
            if (span.id() >= 0) out.add(span.id(), span.from(), span.to());
            else coder.encode(text, span.from(), span.to(), out);
        }
    }

    @Override
    public String decode(int[] ids) {
        return model.decode(Arrays.stream(ids).filter(this::shown).toArray());
    }

    private boolean shown(int id) {
        return id >= 0 && id < size() && vocabulary.kind(id) != Kind.CONTROL && vocabulary.kind(id) != Kind.UNUSED;
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
        StringBuilder text = new StringBuilder("outrider tokenizer 1\n")
                .append(model.behaviour())
                .append('\n');
        for (int id = 0; id < size(); id++) {
            text.append(vocabulary.kind(id))
                    .append(' ')
                    .append(vocabulary.piece(id))
                    .append('\0');
        }
        model.preferences().forEach(id -> text.append(id).append(' '));
        text.append(raw.all()).append(prepared.all());
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

    Model model() {
        return model;
    }

    AddedTokens raw() {
        return raw;
    }

    AddedTokens prepared() {
        return prepared;
    }

    Ends ends() {
        return ends;
    }

    Origin origin() {
        return origin;
    }
}
