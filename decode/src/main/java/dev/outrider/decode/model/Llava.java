package dev.outrider.decode.model;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Vision;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A LLaMA that sees (LLaVA: Liu et al., 2304.08485): where a prompt has a picture, it reads what a projector makes of the
 * tower's features, a row each. The target is one, and so is a draft with an image adapter; both may read the same
 * {@link Sight}.
 *
 * <p>Ids below 0 are rows: {@code -1 - i} is row i of the pictures that are shown, one after the other. {@link #own} makes them of
 * placeholders.
 */
public final class Llava implements CausalModel {
    private final Device device;
    private final Llama language;
    private final Sight sight;
    private final Projector projector;
    private List<String> shown = List.of();
    private Buffer pictures;

    /**
     * @param language closed with this
     * @param sight of the tower that the projector reads; stays the caller's
     */
    public Llava(Device device, Llama language, Vision vision, Sight sight) {
        this.device = device;
        this.language = language;
        this.sight = sight;
        projector = new Projector(device, new Eyes(vision, sight));
        pictures = device.allocate(DType.F32, 0);
    }

    /** Rows of the text that a picture takes. */
    public int rows() {
        return projector.rows();
    }

    /** What reads the words, and the rows of pictures that are shown; closed with this. */
    public Llama language() {
        return language;
    }

    @Override
    public boolean sees() {
        return true;
    }

    /** Forgets all that was read, unless the pictures are those that are shown already. */
    @Override
    public void show(List<Picture> next) {
        List<String> ids = next.stream().map(Picture::id).toList();
        if (ids.equals(shown)) return;
        language.truncate(0);
        long each = (long) rows() * language.config().hiddenSize();
        if (pictures.elements() < next.size() * each) {
            device.free(pictures);
            pictures = device.allocate(DType.F32, next.size() * each);
        }
        for (int i = 0; i < next.size(); i++)
            projector.apply(sight.features(next.get(i)), pictures.slice(i * each, each));
        language.pictures(pictures, next.size() * rows());
        shown = ids;
    }

    @Override
    public int[] own(int[] prompt) {
        return Picture.in(prompt) ? Arrays.stream(prompt).flatMap(this::rows).toArray() : prompt;
    }

    private IntStream rows(int id) {
        if (!Picture.isPlaceholder(id)) return IntStream.of(id);
        int first = Picture.number(id) * rows();
        return IntStream.range(first, first + rows()).map(row -> -1 - row);
    }

    @Override
    public int vocabulary() {
        return language.vocabulary();
    }

    @Override
    public Optional<DraftVocabulary> outputs() {
        return language.outputs();
    }

    @Override
    public int capacity() {
        return language.capacity();
    }

    @Override
    public int length() {
        return language.length();
    }

    @Override
    public void truncate(int length) {
        language.truncate(length);
    }

    @Override
    public void read(int[] tokens, int offset, int count, int rows) {
        language.read(tokens, offset, count, rows);
    }

    @Override
    public void logits(int row, float[] into) {
        language.logits(row, into);
    }

    @Override
    public void close() {
        device.free(pictures);
        projector.close();
        language.close();
    }
}
