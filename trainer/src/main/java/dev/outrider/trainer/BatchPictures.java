package dev.outrider.trainer;

import dev.outrider.decode.model.Picture;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The pictures of a batch, and the texts of which its tokens are what one draft reads. The target reads the texts in its
 * own way and says what comes next at the batch's positions.
 *
 * @param rows N, of a picture among the batch's tokens: id {@code -1 - i} is row i of the sequence's pictures, one after
 *     the other; 0 where they are left out
 * @param texts by sequence
 */
public record BatchPictures(int rows, List<Text> texts) {
    public BatchPictures {
        texts = List.copyOf(texts);
    }

    /**
     * A sequence as shards have it.
     *
     * @param ids with a placeholder for each picture, see {@link Picture}
     * @param pictures that the placeholders stand for
     * @param places [T] by position of the batch: the last of the ids before the batch's next token, so that who has
     *     read up to it knows what comes next; of a row within a picture, that picture
     */
    public record Text(int[] ids, List<Picture> pictures, int[] places) {
        public Text {
            pictures = List.copyOf(pictures);
        }

        /** How many of the ids matter to the batch's positions. */
        int read() {
            return places[places.length - 1] + 1;
        }

        /** The ids before the batch's position {@code start}. */
        int[] before(int start) {
            return Arrays.copyOf(ids, places[start - 1] + 1);
        }

        /** The same up to position {@code start}, from where on other words follow. */
        Text goingOn(int start, int[] words) {
            int[] begun = before(start), all = Arrays.copyOf(begun, begun.length + words.length);
            System.arraycopy(words, 0, all, begun.length, words.length);
            int[] now = Arrays.copyOf(places, places.length);
            for (int p = start; p < now.length; p++) now[p] = Math.min(all.length - 1, begun.length + p - start);
            return new Text(all, pictures, now);
        }

        private Text first(int length) {
            return new Text(ids, pictures, Arrays.copyOf(places, length));
        }
    }

    /** Of sequences from .. to - 1. */
    BatchPictures part(int from, int to) {
        return new BatchPictures(rows, texts.subList(from, to));
    }

    /** Of some sequences' first {@code length} positions. */
    BatchPictures cut(int[] sequences, int length) {
        List<Text> some = new ArrayList<>();
        for (int s : sequences) some.add(texts.get(s).first(length));
        return new BatchPictures(rows, some);
    }

    /** The pictures of a sequence up to the last that has rows among these tokens. */
    List<Picture> shown(int sequence, int[] tokens, int from, int to) {
        int least = 0;
        for (int i = from; i < to; i++) least = Math.min(least, tokens[i]);
        return least == 0 ? List.of() : texts.get(sequence).pictures.subList(0, (-1 - least) / rows + 1);
    }
}
