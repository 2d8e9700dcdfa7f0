package dev.outrider.checkpoints.tokenizer;

/** Text to token ids and back. Immutable and safe for use by several threads. */
public interface Tokenizer {
    /** Number of ids this tokenizer can produce; the model's vocabulary may have more rows. */
    int size();

    /** Begin-of-text id, or -1. */
    int bosId();

    /** End-of-text id, or -1. */
    int eosId();

    /**
     * Whether the model expects {@link #bosId} before every text. Some models have such a token and do not
     * want it there (it then stands in their chat template).
     */
    default boolean addsBos() {
        return bosId() >= 0;
    }

    /**
     * Ids of the text, without BOS.
     *
     * @param special whether the text of a special token (such as {@code </s>}) inside becomes that token;
     *     false for text by strangers
     */
    int[] encode(String text, boolean special);

    /** Ids of a text as a model reads it: special tokens parsed, BOS in front where it belongs and is not yet. */
    default int[] encodeWithBos(String text) {
        int[] ids = encode(text, true);
        if (!addsBos() || bosId() < 0 || ids.length > 0 && ids[0] == bosId()) return ids;
        int[] out = new int[ids.length + 1];
        out[0] = bosId();
        System.arraycopy(ids, 0, out, 1, ids.length);
        return out;
    }

    /** As {@link #encode}, and which characters of the text each id covers. */
    default Encoding encodeWithOffsets(String text, boolean special) {
        return encodeWithOffsets(text, (from, to) -> special);
    }

    /**
     * As {@link #encode}, where special tokens are parsed in one part of the text and not in another: in a chat
     * template's words, say, and not in a stranger's.
     */
    Encoding encodeWithOffsets(String text, SpecialAt special);

    /** Whether the text of a special token in [from, to) of the text becomes that token. */
    @FunctionalInterface
    interface SpecialAt {
        boolean parsed(int from, int to);
    }

    /** Text of the ids; special tokens are left out. Bytes that are no UTF-8 become U+FFFD. */
    String decode(int[] ids);

    /** How the vocabulary spells the id, for display; never null. */
    String piece(int id);

    /** sha256 over pieces, scores and behaviour: equal if and only if text gets the same ids. */
    String hash();

    /** The id of a special token such as {@code <|user|>}, or -1. */
    int specialId(String piece);
}
