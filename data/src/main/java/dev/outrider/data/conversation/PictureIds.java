package dev.outrider.data.conversation;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.checkpoints.chat.ChatTokens;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.decode.model.Picture;
import java.util.Arrays;
import java.util.stream.IntStream;

/** Placeholders of pictures in the ids of a text, see {@link Picture}. */
public final class PictureIds {
    private PictureIds() {}

    /** Ids as {@link ChatTokens#seen} gives them, their pictures numbered from the front. */
    public static int[] numbered(Tokenizer tokenizer, int[] ids) {
        int own = tokenizer.specialId(ChatTokens.PICTURE);
        return Picture.numbered(ids, own >= 0 ? own : VisionConfig.PLACEHOLDER);
    }

    /**
     * A text with {@code <image>} where its pictures are, BOS in front where the tokenizer wants it; other special tokens
     * are parsed.
     */
    public static int[] of(Tokenizer tokenizer, String text) {
        if (tokenizer.specialId(ChatTokens.PICTURE) >= 0) return numbered(tokenizer, tokenizer.encodeWithBos(text));
        String[] stretches = text.split(ChatTokens.PICTURE, -1);
        IntStream ids = Arrays.stream(tokenizer.encodeWithBos(stretches[0]));
        for (int k = 0; k + 1 < stretches.length; k++) {
            int[] next = tokenizer
                    .encodeWithOffsets(stretches[k + 1], (_, _) -> true)
                    .ids();
            ids = IntStream.concat(IntStream.concat(ids, IntStream.of(Picture.placeholder(k))), Arrays.stream(next));
        }
        return ids.toArray();
    }

    /** @throws Failure DATA where a text has not one place for each of so many pictures */
    public static void require(int[] ids, int pictures) {
        int[] numbers = Arrays.stream(ids)
                .filter(Picture::isPlaceholder)
                .map(Picture::number)
                .sorted()
                .toArray();
        if (Arrays.equals(numbers, IntStream.range(0, pictures).toArray())) return;
        throw Failure.data(
                "text",
                numbers.length + " places for pictures: " + Arrays.toString(numbers),
                pictures + ", one for each",
                "Let the text have " + ChatTokens.PICTURE + " once for each picture.");
    }
}
