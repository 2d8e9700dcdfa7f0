package dev.outrider.trainer;

import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.model.Picture;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Texts with placeholders of pictures become what a draft reads: N rows of each picture, or none. A picture's rows are
 * no token's label and carry no law; the position before a token, be it a picture's last row, predicts that token.
 */
final class Expansion {
    private static final int NONE = -1;

    /**
     * A text before it is expanded.
     *
     * @param place for messages
     * @param supervised per id
     * @param laws of the ids; or null
     */
    record Text(String place, int[] ids, byte[] supervised, BatchLaws laws, List<Picture> pictures) {}

    private final int rows, time, k;
    private final int[] tokens;
    private final byte[] supervised;
    private final int[] lawIds;
    private final float[] lawLogs;
    private final List<BatchPictures.Text> texts = new ArrayList<>();

    private Expansion(int sequences, int rows, int time, int k) {
        this.rows = rows;
        this.time = time;
        this.k = k;
        tokens = new int[sequences * time];
        supervised = new byte[tokens.length];
        lawIds = new int[tokens.length * k];
        lawLogs = new float[lawIds.length];
        Arrays.fill(lawIds, NONE);
        Arrays.fill(lawLogs, Float.NEGATIVE_INFINITY);
    }

    /**
     * @param rows N; 0 leaves pictures out
     * @param longest positions that the draft has
     * @param k entries of a law; 0: there are none
     * @throws Failure USAGE where what is to be learnt of a text lies beyond {@code longest}, DATA where a placeholder
     *     stands for none of the text's pictures
     */
    static Batch of(List<Text> texts, int rows, int longest, int k) {
        int time = 1;
        for (Text text : texts) {
            check(text, rows, longest);
            time = Math.max(time, width(text.ids, text.ids.length, rows));
        }
        Expansion all = new Expansion(texts.size(), rows, Math.min(time, longest), k);
        for (Text text : texts) all.add(text);
        return all.batch();
    }

    /** Positions that the first {@code count} ids take. */
    private static int width(int[] ids, int count, int rows) {
        int width = 0;
        for (int i = 0; i < count; i++) width += Picture.isPlaceholder(ids[i]) ? rows : 1;
        return width;
    }

    private static void check(Text text, int rows, int longest) {
        int learnt = text.ids.length;
        while (learnt > 0 && text.supervised[learnt - 1] == 0) learnt--;
        int width = width(text.ids, learnt, rows);
        if (width > longest) throw tooLong(text, width, rows, longest);
        for (int id : text.ids) {
            if (Picture.isPlaceholder(id) && Picture.number(id) >= text.pictures.size()) throw without(text, id);
        }
    }

    private static Failure tooLong(Text text, int width, int rows, int longest) {
        return Failure.usage(
                text.place,
                width + " positions, " + rows + " of them for each of its " + text.pictures.size() + " pictures",
                "at most " + longest + ", which the draft has (max_position_embeddings)",
                "Pool the adapter's patches, make shorter rows, or give the draft a longer context.");
    }

    private static Failure without(Text text, int id) {
        return Failure.data(
                text.place,
                "picture " + (Picture.number(id) + 1) + " in the text",
                text.pictures.size() + " pictures beside it",
                "Make the shards again.");
    }

    private void add(Text text) {
        int at = texts.size() * time, last = text.ids.length - 1, p = 0;
        int[] places = new int[time];
        for (int q = 0; q <= last; q++) {
            boolean picture = Picture.isPlaceholder(text.ids[q]);
            int first = p, end = Math.min(time, p + (picture ? rows : 1));
            if (p > 0 && p < end) places[p - 1] = q - 1;
            for (; p < end; p++) {
                if (picture) row(at + p, Picture.number(text.ids[q]) * rows + p - first);
                else word(at + p, text, q);
                places[p] = q;
            }
        }
        // What follows the text, and the pictures at its end that are left out; a text that was cut has nothing there.
        if (width(text.ids, text.ids.length, rows) <= time) Arrays.fill(places, Math.max(0, p - 1), time, last);
        texts.add(new BatchPictures.Text(text.ids, text.pictures, places));
    }

    private void row(int position, int row) {
        tokens[position] = -1 - row;
    }

    private void word(int position, Text text, int q) {
        tokens[position] = text.ids[q];
        supervised[position] = text.supervised[q];
        if (k == 0) return;
        System.arraycopy(text.laws.ids(), q * k, lawIds, position * k, k);
        System.arraycopy(text.laws.logs(), q * k, lawLogs, position * k, k);
    }

    private Batch batch() {
        Batch batch = Batch.nextToken(texts.size(), time, tokens, supervised).with(new BatchPictures(rows, texts));
        return k == 0 ? batch : batch.with(new BatchLaws(k, lawIds, lawLogs));
    }
}
