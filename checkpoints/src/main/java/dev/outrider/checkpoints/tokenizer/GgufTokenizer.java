package dev.outrider.checkpoints.tokenizer;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.GgufMetadata;
import dev.outrider.checkpoints.tokenizer.AddedTokens.Added;
import dev.outrider.checkpoints.tokenizer.Merges.Merge;
import dev.outrider.checkpoints.tokenizer.Vocabulary.Kind;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The tokenizer in the metadata of a GGUF file: {@code llama} (SentencePiece with scores), {@code gpt2}
 * (byte-level, with the pattern that {@code tokenizer.ggml.pre} names) and {@code t5} (unigram). Tokens in the text are found as llama.cpp
 * does: user defined ones always, control tokens where asked for.
 */
public final class GgufTokenizer {
    /** Where the keys begin. */
    static final String KEYS = "tokenizer.ggml.";

    static final int NORMAL = 1, UNKNOWN = 2, CONTROL = 3, USER_DEFINED = 4, UNUSED = 5, BYTE = 6;

    private final String file;
    private final GgufMetadata metadata;

    private GgufTokenizer(String file, GgufMetadata metadata) {
        this.file = file;
        this.metadata = metadata;
    }

    /**
     * Empty where the file has no tokenizer.
     *
     * @throws Failure DATA naming the key for a damaged or unsupported one
     */
    public static Optional<Tokenizer> read(Path file) {
        GgufMetadata metadata = GgufMetadata.read(file);
        if (!metadata.has(KEYS + "model")) return Optional.empty();
        return Optional.of(new GgufTokenizer(file.toString(), metadata).tokenizer());
    }

    private Tokenizer tokenizer() {
        String kind = metadata.text(KEYS + "model").orElseThrow();
        return switch (kind) {
            case "llama" -> marked();
            case "gpt2" -> byteLevel();
            case "t5" -> unigram();
            default -> throw unsupported("model", kind, "llama, gpt2 or t5");
        };
    }

    private Tokenizer marked() {
        Vocabulary vocabulary = vocabulary();
        vocabulary.requireBytes(file);
        Spaces spaces = spaces();
        Merges merges = Merges.byScore(vocabulary, scores(vocabulary.size()));
        Ends ends = ends(vocabulary, 1, 2, true);
        return pieces(vocabulary, new MarkedBpe(vocabulary, merges, spaces), ends);
    }

    private Spaces spaces() {
        boolean prefix = flag("add_space_prefix", true);
        Spaces.Prefix where = prefix ? Spaces.Prefix.EVERY : Spaces.Prefix.NEVER;
        return new Spaces(where, flag("remove_extra_whitespaces", false), prefix);
    }

    private Tokenizer unigram() {
        if (metadata.has(KEYS + "precompiled_charsmap")) {
            throw unsupported("precompiled_charsmap", "a normaliser by table", "text as it is");
        }
        Vocabulary vocabulary = vocabulary();
        double[] scores = new double[vocabulary.size()];
        float[] floats = scores(scores.length);
        for (int id = 0; id < scores.length; id++) scores[id] = floats[id];
        int unknown = id("unknown_token_id", 2, vocabulary);
        Model unigram = new Unigram(vocabulary, scores, new Unigram.Options(spaces(), unknown, false));
        return pieces(vocabulary, unigram, ends(vocabulary, -1, 1, false));
    }

    private Tokenizer byteLevel() {
        String name = metadata.text(KEYS + "pre").orElse("default");
        GgufPattern pattern =
                GgufPattern.of(name).orElseThrow(() -> unsupported("pre", name, "one of " + GgufPattern.names()));
        Vocabulary vocabulary = vocabulary();
        ByteLevelBpe bpe = pattern.model(vocabulary, merges(vocabulary));
        return pieces(vocabulary, bpe, ends(vocabulary, -1, -1, pattern == GgufPattern.LLAMA_BPE));
    }

    private Tokenizer pieces(Vocabulary vocabulary, Model model, Ends ends) {
        List<Added> added = new ArrayList<>();
        for (int id = 0; id < vocabulary.size(); id++) {
            Kind kind = vocabulary.kind(id);
            if (kind != Kind.CONTROL && kind != Kind.DEFINED) continue;
            added.add(Added.plain(id, vocabulary.piece(id), kind == Kind.CONTROL));
        }
        Origin origin = Origin.template(metadata.text("tokenizer.chat_template"));
        return new PieceTokenizer(vocabulary, model, new AddedTokens(added), new AddedTokens(List.of()), ends, origin);
    }

    private Vocabulary vocabulary() {
        List<String> pieces = required("tokens", metadata.strings(KEYS + "tokens"));
        int[] types = metadata.integers(KEYS + "token_type").orElse(null);
        if (types != null && types.length != pieces.size()) throw sizes("token_type", types.length, pieces.size());
        List<Kind> kinds = new ArrayList<>();
        for (int id = 0; id < pieces.size(); id++) kinds.add(types == null ? Kind.NORMAL : kind(id, types[id]));
        return new Vocabulary(file, pieces, kinds);
    }

    private Kind kind(int id, int type) {
        return switch (type) {
            case NORMAL -> Kind.NORMAL;
            case UNKNOWN, CONTROL -> Kind.CONTROL;
            case USER_DEFINED -> Kind.DEFINED;
            case UNUSED -> Kind.UNUSED;
            case BYTE -> Kind.BYTE;
            default -> throw unsupported("token_type", "type " + type + " for piece " + id, "types 1 to 6");
        };
    }

    private float[] scores(int size) {
        float[] scores = required("scores", metadata.floats(KEYS + "scores"));
        if (scores.length != size) throw sizes("scores", scores.length, size);
        return scores;
    }

    private Merges merges(Vocabulary vocabulary) {
        List<Merge> list = new ArrayList<>();
        for (String merge : required("merges", metadata.strings(KEYS + "merges"))) {
            int space = merge.indexOf(' ', 1);
            String left = merge.substring(0, Math.max(0, space)), right = merge.substring(space + 1);
            int a = vocabulary.id(left), b = vocabulary.id(right), merged = vocabulary.id(left + right);
            if (a < 0 || b < 0 || merged < 0) {
                throw unsupported("merges", "merge " + list.size() + " \"" + merge + "\"", "pieces of the vocabulary");
            }
            list.add(new Merge(a, b, merged, list.size()));
        }
        return new Merges(list);
    }

    private Ends ends(Vocabulary vocabulary, int usualBos, int usualEos, boolean usuallyAdded) {
        int bos = id("bos_token_id", usualBos, vocabulary), eos = id("eos_token_id", usualEos, vocabulary);
        boolean addsBos = bos >= 0 && flag("add_bos_token", usuallyAdded);
        boolean addsEos = eos >= 0 && flag("add_eos_token", false);
        return new Ends(bos, eos, id("padding_token_id", -1, vocabulary), addsBos, addsEos);
    }

    private int id(String key, int usual, Vocabulary vocabulary) {
        int id = metadata.integer(KEYS + key).orElse(usual < vocabulary.size() ? usual : -1);
        if (id >= vocabulary.size()) throw metadata.wrong(KEYS + key, "an id below " + vocabulary.size());
        return id;
    }

    private boolean flag(String key, boolean usual) {
        return metadata.flag(KEYS + key).orElse(usual);
    }

    private <T> T required(String key, Optional<T> found) {
        return metadata.required(KEYS + key, found);
    }

    private Failure sizes(String key, int found, int expected) {
        return unsupported(key, found + " values", expected + ", as many as tokens");
    }

    private Failure unsupported(String key, String found, String expected) {
        return Failure.data(
                file + ", key " + KEYS + key,
                found,
                expected,
                "Use a model with such a tokenizer, or the Hugging Face directory it was converted from.");
    }
}
