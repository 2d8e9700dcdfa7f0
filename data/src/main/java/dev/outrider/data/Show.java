package dev.outrider.data;

import dev.outrider.checkpoints.chat.ChatTokens;
import dev.outrider.checkpoints.tokenizer.Detokenizer;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.shard.Shards;
import dev.outrider.decode.model.Picture;

/** One example of a split as text, its supervised part marked: what a model is really taught. */
public final class Show {
    private static final String COLOUR = "\u001b[32m", PLAIN = "\u001b[0m";

    private Show() {}

    /**
     * A line about the row, then its text. Supervised text stands between 【 and 】, or is green; the
     * beginning and the end of a text are spelt as the vocabulary spells them, a picture as {@code <image>}. Padding is
     * left out.
     */
    public static String row(Shards shards, Tokenizer tokenizer, long row, boolean colours) {
        int[] tokens = new int[shards.length()];
        byte[] mask = new byte[shards.length()];
        shards.read(row, tokens, 0, mask, 0);
        int length = shards.length(row);
        int supervised = 0;
        for (byte m : mask) supervised += m;
        return "row %d of %d, %d of %d tokens, %d supervised, document %s%n%s"
                .formatted(
                        row,
                        shards.rows(),
                        length,
                        shards.length(),
                        supervised,
                        shards.document(row),
                        text(tokenizer, tokens, mask, length, colours));
    }

    private static String text(Tokenizer tokenizer, int[] tokens, byte[] mask, int length, boolean colours) {
        StringBuilder out = new StringBuilder();
        Detokenizer text = new Detokenizer(tokenizer);
        boolean inside = false;
        for (int i = 0; i < length; i++) {
            if (inside != (mask[i] == 1)) {
                // A character whose bytes lie on both sides belongs to the part it began in.
                inside = !inside;
                out.append(mark(inside, colours));
            }
            if (Picture.isPlaceholder(tokens[i])) {
                out.append(text.flush()).append(ChatTokens.PICTURE);
                continue;
            }
            boolean end = tokens[i] == tokenizer.bosId() || tokens[i] == tokenizer.eosId();
            out.append(end ? text.flush() + tokenizer.piece(tokens[i]) : text.push(tokens[i]));
        }
        return out.append(text.flush())
                .append(inside ? mark(false, colours) : "")
                .toString();
    }

    private static String mark(boolean begins, boolean colours) {
        if (colours) return begins ? COLOUR : PLAIN;
        return begins ? "【" : "】";
    }
}
