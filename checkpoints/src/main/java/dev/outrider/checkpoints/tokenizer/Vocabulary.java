package dev.outrider.checkpoints.tokenizer;

import dev.outrider.checkpoints.Failure;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The pieces by id. Every byte has a piece {@code <0xNN>}, so any text can be spelled: that is what
 * this project asks of a vocabulary of the LLaMA family, and it is checked here.
 *
 * <p>A <i>symbol</i> is what merging works on: an id, or ~codePoint for a character that is no piece.
 */
final class Vocabulary {
    /** What a piece stands for. */
    enum Kind {
        NORMAL,
        /** One byte, {@code <0xNN>}. */
        BYTE,
        /** A special token; not text. */
        CONTROL,
        /** Text that is one token wherever it occurs. */
        DEFINED
    }

    /** What {@link #symbol} answers for a longer text that is no piece. */
    static final int NO_SYMBOL = Integer.MIN_VALUE;

    private final String[] pieces;
    private final Kind[] kinds;
    private final Map<String, Integer> ids = new HashMap<>();
    private final int[] byteIds = new int[256];
    private final byte[] byteValues;
    private final LongTable characters;

    /** @param place file, for messages */
    Vocabulary(String place, List<String> pieces, List<Kind> kinds) {
        this.pieces = pieces.toArray(String[]::new);
        this.kinds = kinds.toArray(Kind[]::new);
        this.byteValues = new byte[size()];
        this.characters = new LongTable(size());
        for (int id = 0; id < size(); id++) enter(place, id);
        findBytes(place);
    }

    private void enter(String place, int id) {
        String piece = pieces[id];
        Integer twin = ids.putIfAbsent(piece, id);
        if (twin != null || piece.isEmpty()) {
            throw Failure.data(
                    place + ", piece " + id,
                    piece.isEmpty() ? "an empty piece" : "\"" + piece + "\" again (it is piece " + twin + ")",
                    "distinct pieces that are not empty",
                    "Get the tokenizer again from where the model came from.");
        }
        boolean one = piece.codePointCount(0, piece.length()) == 1;
        if (one && kinds[id] == Kind.NORMAL) characters.put(piece.codePointAt(0), id);
    }

    private void findBytes(String place) {
        for (int value = 0; value < 256; value++) {
            Integer id = ids.get(byteName(value));
            if (id == null || kinds[id] != Kind.BYTE) {
                throw Failure.data(
                        place,
                        "no byte piece " + byteName(value),
                        "a LLaMA-style vocabulary with byte fallback (256 byte pieces)",
                        "Use a model of the LLaMA family; vocabularies without byte fallback are not supported.");
            }
            byteIds[value] = id;
            byteValues[id] = (byte) value;
        }
    }

    static String byteName(int value) {
        return String.format("<0x%02X>", value & 0xff);
    }

    int size() {
        return pieces.length;
    }

    String piece(int id) {
        return pieces[id];
    }

    Kind kind(int id) {
        return kinds[id];
    }

    /** The id of a piece, or -1. */
    int id(String piece) {
        return ids.getOrDefault(piece, -1);
    }

    byte byteValue(int id) {
        return byteValues[id];
    }

    /** The symbol a character starts as. */
    int symbol(int codePoint) {
        long id = characters.find(codePoint);
        return id >= 0 ? (int) id : ~codePoint;
    }

    /** The symbol that spells a text in merges: a normal piece, a single character, or {@link #NO_SYMBOL}. */
    int symbol(String text) {
        int id = id(text);
        if (id >= 0 && kinds[id] == Kind.NORMAL) return id;
        return text.codePointCount(0, text.length()) == 1 ? ~text.codePointAt(0) : NO_SYMBOL;
    }

    /** Characters that a symbol stands for. */
    int length(int symbol) {
        return symbol < 0 ? 1 : pieces[symbol].codePointCount(0, pieces[symbol].length());
    }

    /** Appends what a symbol is in the end: its id, or the bytes of its character. */
    void spell(int symbol, Ids out) {
        if (symbol >= 0) out.add(symbol);
        else for (byte b : Character.toString(~symbol).getBytes(StandardCharsets.UTF_8)) out.add(byteIds[b & 0xff]);
    }
}
