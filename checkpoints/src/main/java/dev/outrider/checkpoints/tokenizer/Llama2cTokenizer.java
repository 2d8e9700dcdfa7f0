package dev.outrider.checkpoints.tokenizer;

import dev.outrider.checkpoints.DiskFailures;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.tokenizer.AddedTokens.Added;
import dev.outrider.checkpoints.tokenizer.Vocabulary.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads the tokenizer of llama2.c ({@code tok512.bin}): int32 length of the longest piece, then for each
 * piece float32 score, int32 length and bytes. Ids 0 to 2 are unknown, begin and end, 3 to 258 the bytes;
 * spaces stand as themselves. It is a SentencePiece model in other clothes and merges the same way.
 */
public final class Llama2cTokenizer {
    private static final List<String> CONTROL = List.of("<unk>", "<s>", "</s>");
    private static final int FIRST_TEXT = CONTROL.size() + 256;

    private final String file;
    private final ByteBuffer in;
    private final List<String> pieces = new ArrayList<>();
    private final List<Kind> kinds = new ArrayList<>();
    private final List<Float> scores = new ArrayList<>();

    private Llama2cTokenizer(String file, byte[] bytes) {
        this.file = file;
        this.in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** @throws Failure DATA for a file that is cut off or of another format */
    public static Tokenizer read(Path file) {
        try {
            return new Llama2cTokenizer(file.toString(), Files.readAllBytes(file)).tokenizer();
        } catch (IOException e) {
            throw DiskFailures.reading(file, e);
        }
    }

    private Tokenizer tokenizer() {
        int longest = number("length of the longest piece", Integer.MAX_VALUE);
        while (in.hasRemaining()) piece(longest);
        Vocabulary vocabulary = new Vocabulary(file, pieces, kinds);
        vocabulary.requireBytes(file);
        float[] byId = new float[scores.size()];
        for (int id = 0; id < byId.length; id++) byId[id] = scores.get(id);
        List<Added> added = new ArrayList<>();
        for (int id = 0; id < CONTROL.size(); id++) added.add(Added.plain(id, CONTROL.get(id), true));
        Merges merges = Merges.byScore(vocabulary, byId);
        Model bpe = new MarkedBpe(vocabulary, merges, Spaces.LLAMA);
        return new PieceTokenizer(
                vocabulary, bpe, new AddedTokens(added), new AddedTokens(List.of()), Ends.llama(1, 2));
    }

    private void piece(int longest) {
        int id = pieces.size();
        need(4, "score");
        scores.add(in.getFloat());
        // Begin and end are spelled with line breaks around, which the stated longest length leaves out.
        byte[] bytes = new byte[number("length", id < FIRST_TEXT ? 16 : longest)];
        need(bytes.length, "text");
        in.get(bytes);
        pieces.add(id < CONTROL.size() ? CONTROL.get(id) : text(bytes).replace(' ', Spaces.MARK));
        kinds.add(id < CONTROL.size() ? Kind.CONTROL : id < FIRST_TEXT ? Kind.BYTE : Kind.NORMAL);
    }

    private String text(byte[] bytes) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw bad("a piece that is not UTF-8", "text");
        }
    }

    private int number(String what, int most) {
        need(4, what);
        int value = in.getInt();
        if (value < 0 || value > most) throw bad(what + " " + value, "0 to " + most);
        return value;
    }

    private void need(int bytes, String what) {
        if (in.remaining() < bytes) throw bad(in.remaining() + " bytes left", bytes + " bytes of " + what);
    }

    private Failure bad(String found, String expected) {
        return Failure.data(
                file + ", piece " + pieces.size() + ", byte " + in.position(),
                found,
                expected,
                "The file is cut off or no llama2.c tokenizer: get it again.");
    }
}
