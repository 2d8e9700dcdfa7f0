package dev.outrider.data.conversation;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.ChatTemplate;
import dev.outrider.checkpoints.chat.ChatTokens;
import dev.outrider.checkpoints.chat.Message;
import dev.outrider.checkpoints.chat.Words;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.SharedTokenizer;
import dev.outrider.data.image.PictureIndex;
import dev.outrider.data.shard.ShardRow;
import dev.outrider.decode.model.Picture;
import java.io.Serializable;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Makes a conversation a row: the template around it, supervised on the assistant's words and end tokens alone.
 *
 * @param source the driver's template, which every machine must find
 * @param now for templates that write the date: one for all rows
 */
record RowMaker(
        SharedTokenizer tokenizer,
        String model,
        String template,
        String source,
        LocalDateTime now,
        Words words,
        int length,
        boolean lastTurnOnly,
        boolean blind,
        boolean skipBadRows)
        implements Serializable {

    /** @param row null unless the fate is kept */
    record Made(Fate fate, String why, boolean cut, ShardRow row) implements Serializable {
        static Made not(Fate fate, String why) {
            return new Made(fate, why, false, null);
        }
    }

    /** Once for all rows of a task. */
    ChatTemplate open() {
        ChatTemplate found = ChatTemplate.require(Path.of(model), Optional.ofNullable(template));
        if (found.source().equals(source)) return found.at(now);
        throw Failure.data(
                model, "another chat template than the driver's", "the same one", "Give every machine the same files.");
    }

    /** @param pictures of a target that sees; null: it reads text alone */
    Made make(Example example, ChatTemplate open, PictureIndex pictures, String document) {
        try {
            return switch (example) {
                case Conversation c when pictures != null -> seen(c, open, pictures, document);
                case Conversation c -> conversation(c, open, document);
                case TokenRow t -> tokens(t, document);
            };
        } catch (Failure e) {
            if (skipBadRows) return Made.not(Fate.TEMPLATE_REFUSED, e.getMessage());
            if (e.getMessage().startsWith(example.place())) throw e;
            throw new Failure(
                    e.kind(),
                    example.place(),
                    "a row that cannot be written: " + e.getMessage(),
                    "one that the chat template accepts",
                    "Correct the row, or let bad rows be skipped.",
                    e);
        }
    }

    private Made conversation(Conversation c, ChatTemplate open, String document) {
        if (c.messages().stream().noneMatch(Message::assistant)) return Made.not(Fate.NO_ANSWER, "no assistant's turn");
        Tokenizer own = tokenizer.tokenizer();
        ChatTokens tokens = blind
                ? ChatTokens.seen(open, own, c.messages(), false, words).blind(own)
                : ChatTokens.of(open, own, c.messages(), words);
        return row(tokens.ids(), tokens.mask(), document, List.of());
    }

    private Made seen(Conversation c, ChatTemplate open, PictureIndex pictures, String document) {
        List<PictureIndex.Entry> images =
                c.images().stream().map(pictures::entry).toList();
        for (PictureIndex.Entry image : images) {
            if (!image.kept()) return unseen(c, Fate.of(image.fate()), image.why());
        }
        Conversation placed;
        try {
            placed = c.seen();
        } catch (Failure e) {
            return unseen(c, Fate.PICTURES_DIFFER, e.getMessage());
        }
        if (c.messages().stream().noneMatch(Message::assistant)) return Made.not(Fate.NO_ANSWER, "no assistant's turn");
        Tokenizer own = tokenizer.tokenizer();
        ChatTokens tokens = ChatTokens.seen(open, own, placed.messages(), false, words);
        int[] ids = PictureIds.numbered(own, tokens.ids());
        PictureIds.require(ids, images.size());
        byte[] mask = tokens.mask().clone();
        for (int i = 0; i < ids.length; i++) if (Picture.isPlaceholder(ids[i])) mask[i] = 0;
        return row(
                ids, mask, document, images.stream().map(PictureIndex.Entry::id).toList());
    }

    private Made unseen(Conversation c, Fate fate, String why) {
        if (skipBadRows) return Made.not(fate, why);
        throw Failure.data(
                c.place(),
                "a conversation about pictures that cannot be shown (" + fate.key() + "): " + why,
                "pictures of the store, as many as the text names",
                "Correct the row, get the image, or let bad rows be skipped.");
    }

    private Made tokens(TokenRow t, String document) {
        Tokenizer own = tokenizer.tokenizer();
        for (int id : t.ids()) {
            if (id < own.size()) continue;
            throw Failure.data(
                    t.place(), "the id " + id, "one below the tokenizer's " + own.size(), "Use the model's own ids.");
        }
        return row(t.ids(), t.mask().clone(), document, List.of());
    }

    private Made row(int[] ids, byte[] mask, String document, List<String> pictures) {
        if (lastTurnOnly) lastRun(mask);
        // A first token has nothing before it to be predicted from.
        if (mask.length > 0) mask[0] = 0;
        if (supervised(mask, mask.length) == 0) return Made.not(Fate.NO_ANSWER, "no supervised token");
        int count = Math.min(ids.length, length);
        if (supervised(mask, count) == 0) {
            return Made.not(Fate.NO_SUPERVISION, "the answer begins behind token " + length);
        }
        ShardRow row = new ShardRow(Arrays.copyOf(ids, count), Arrays.copyOf(mask, count), document).with(pictures);
        return new Made(Fate.KEPT, "", ids.length > length, row);
    }

    // Clears all but the last run of supervised tokens.
    private static void lastRun(byte[] mask) {
        int end = mask.length;
        while (end > 0 && mask[end - 1] == 0) end--;
        int from = end;
        while (from > 0 && mask[from - 1] == 1) from--;
        Arrays.fill(mask, 0, from, (byte) 0);
    }

    private static int supervised(byte[] mask, int count) {
        int n = 0;
        for (int i = 0; i < count; i++) n += mask[i];
        return n;
    }
}
