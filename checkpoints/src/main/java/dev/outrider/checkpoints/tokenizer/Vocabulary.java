package dev.outrider.checkpoints.tokenizer;

import dev.outrider.checkpoints.Failure;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/**
 * The pieces by id. Where unknown characters are spelled by their bytes, those have pieces
 * {@code <0xNN>}.
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
        DEFINED,
        /** A row that stands for nothing. */
        UNUSED
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
        Arrays.fill(byteIds, -1);
        for (int id = 0; id < size(); id++) enter(place, id);
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
        if (kinds[id] == Kind.BYTE) enterByte(id);
        boolean one = piece.codePointCount(0, piece.length()) == 1;
        if (one && kinds[id] == Kind.NORMAL) characters.put(piece.codePointAt(0), id);
    }

    /** @throws Failure DATA where not every byte has a piece: then some text could not be spelled */
    void requireBytes(String place) {
        for (int value = 0; value < 256; value++) {
            if (byteIds[value] >= 0) continue;
            throw Failure.data(
                    place,
                    "no byte piece " + byteName(value),
                    "a LLaMA-style vocabulary with byte fallback (256 byte pieces)",
                    "Use a model of the LLaMA family; such vocabularies without byte fallback are not supported.");
        }
    }

    private void enterByte(int id) {
        int value = byteOf(pieces[id]);
        if (value < 0) return;
        byteIds[value] = id;
        byteValues[id] = (byte) value;
    }

    /** The byte that a piece {@code <0xNN>} names, or -1. */
    static int byteOf(String piece) {
        if (!piece.matches("<0x[0-9A-F]{2}>")) return -1;
        return Integer.parseInt(piece.substring(3, 5), 16);
    }

    static String byteName(int value) {
        return "<0x" + HexFormat.of().withUpperCase().toHexDigits((byte) value) + ">";
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

    /** Appends what a symbol for the characters [from, to) is in the end: its id, or the bytes of its character. */
    void spell(int symbol, int from, int to, Tokens out) {
        if (symbol >= 0) {
            out.add(symbol, from, to);
            return;
        }
        for (byte b : Character.toString(~symbol).getBytes(StandardCharsets.UTF_8)) {
            out.add(byteIds[b & 0xff], from, to);
        }
    }

    /** The pieces' text with spaces for marks, bytes joined; a run of bytes that is no UTF-8 is U+FFFD for each. */
    String unmarked(int[] ids) {
        StringBuilder out = new StringBuilder();
        ByteBuffer run = ByteBuffer.allocate(ids.length);
        for (int id : ids) {
            if (kinds[id] == Kind.BYTE) {
                run.put(byteValues[id]);
            } else {
                endRun(run, out);
                out.append(pieces[id].replace(Spaces.MARK, ' '));
            }
        }
        endRun(run, out);
        return out.toString();
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
}
