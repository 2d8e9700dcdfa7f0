package dev.outrider.decode.model;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The rows of pictures that the texts of a batch ask for, each picture projected once as long as it is kept. While it is,
 * its ids are the same in every text; no other picture ever has them until {@link #renew}: texts of equal ids have
 * equal rows, so what was read of one serves the other.
 *
 * <p>N rows of a picture, K places: what comes to place p as the t-th has ids {@code -1 - ((t·K + p)·N + i)}, and the
 * row of id {@code -1 - r} is row {@code r mod K·N} of the bank.
 */
final class PictureBank implements AutoCloseable {
    private final Device device;
    private final Sight sight;
    private final Projector projector;
    private final int n, most, lastTurn;
    /** F32 [K·N, C]. */
    private final Buffer rows;
    /** By place: the picture's id, or null. */
    private final String[] kept;
    /** By place: t. */
    private final int[] turns;
    /** By place: when it was last asked for; in use since {@link #since}. */
    private final long[] asked;

    private long clock, since = 1;

    /**
     * @param places K
     * @param most pictures of one text; at least as many other places may be in use by single tokens
     * @param ids how many may be given out before {@link #renew}, at least 2·K·N
     */
    PictureBank(Device device, Eyes eyes, int places, int most, int ids) {
        this.device = device;
        this.most = most;
        sight = eyes.sight();
        projector = new Projector(device, eyes);
        n = projector.rows();
        lastTurn = ids / (places * n) - 1;
        rows = device.allocate(
                DType.F32, (long) places * n * eyes.vision().config().width());
        kept = new String[places];
        turns = new int[places];
        asked = new long[places];
    }

    /** F32 [K·N, C]. */
    Buffer rows() {
        return rows;
    }

    /** K·N. */
    int count() {
        return kept.length * n;
    }

    /** Rows of a prompt with its pictures. */
    int rows(int[] prompt) {
        int pictures =
                (int) Arrays.stream(prompt).filter(Picture::isPlaceholder).count();
        return prompt.length + pictures * (n - 1);
    }

    /**
     * How many pictures a prompt has, each counted once.
     *
     * @throws Failure DATA where a placeholder stands for none of the pictures, USAGE where there are more than can be kept
     */
    int wanted(int[] prompt, List<Picture> pictures) {
        int wanted = (int) Arrays.stream(prompt)
                .filter(Picture::isPlaceholder)
                .mapToObj(id -> named(id, pictures).id())
                .distinct()
                .count();
        if (wanted <= most) return wanted;
        throw Failure.usage(
                "pictures of the prompt",
                wanted + " different ones",
                "at most " + most + " in a batch of this size",
                "Ask with fewer pictures, or take more texts at a time.");
    }

    private static Picture named(int placeholder, List<Picture> pictures) {
        int number = Picture.number(placeholder);
        if (number < pictures.size()) return pictures.get(number);
        throw Failure.data(
                "pictures of the prompt",
                "picture " + (number + 1) + " in the text",
                pictures.size() + " pictures beside it",
                "Give a picture for every placeholder.");
    }

    /** Whether so many pictures can come without taking the place of one in use. */
    boolean hasRoom(int wanted) {
        return Arrays.stream(asked).filter(when -> when < since).count() >= wanted;
    }

    /** A prompt's ids, its pictures' rows in place of their placeholders; there is room for them. */
    int[] own(int[] prompt, List<Picture> pictures) {
        return Arrays.stream(prompt)
                .flatMap(id -> Picture.isPlaceholder(id) ? ids(named(id, pictures)) : IntStream.of(id))
                .toArray();
    }

    private IntStream ids(Picture picture) {
        int known = Arrays.asList(kept).indexOf(picture.id()), place = known < 0 ? put(picture) : known;
        asked[place] = ++clock;
        int first = (turns[place] * kept.length + place) * n;
        return IntStream.range(first, first + n).map(row -> -1 - row);
    }

    private int put(Picture picture) {
        Buffer features = sight.features(picture);
        int place = eldest();
        long size = rows.elements() / kept.length;
        projector.apply(features, rows.slice(place * size, size));
        kept[place] = picture.id();
        turns[place]++;
        return place;
    }

    private int eldest() {
        int eldest = 0;
        for (int p = 1; p < asked.length; p++) if (asked[p] < asked[eldest]) eldest = p;
        return eldest;
    }

    /** All that was asked for has been read. */
    void release() {
        since = clock + 1;
    }

    /** A row is still to be read. */
    void use(int id) {
        asked[(-1 - id) % count() / n] = ++clock;
    }

    /** Whether the next picture might want ids that there are none of. */
    boolean worn() {
        return Arrays.stream(turns).anyMatch(turn -> turn == lastTurn);
    }

    /** Begins again with the first ids: nobody may remember any, but rows in use stay until {@link #release}. */
    void renew() {
        Arrays.fill(kept, null);
        Arrays.fill(turns, 0);
    }

    @Override
    public void close() {
        device.free(rows);
        projector.close();
    }
}
