package dev.outrider.decode.model;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Vision;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Features of pictures, each made once however many models, answers and turns ask for it: target and draft share one of
 * these. The latest are kept. Not safe for several threads.
 */
public final class Sight implements AutoCloseable {
    private final Device device;
    private final Features source;
    private final int kept;
    private final Map<String, Buffer> features = new LinkedHashMap<>(16, 0.75f, true);
    /** Where the next picture's features go, while they are none yet; or null. */
    private Buffer free;

    private long runs;

    /**
     * @param source closed with this
     * @param kept pictures whose features stay in memory: (P + 1)·C floats each, 2.4 MB with CLIP-L/14 at 336 pixels
     */
    public Sight(Device device, Features source, int kept) {
        this.device = device;
        this.source = source;
        this.kept = Math.max(1, kept);
    }

    /** What a model reads of its tower, which must outlive this. */
    public static Sight of(Device device, Vision vision, int kept) {
        int layers = vision.config().layersRun(vision.tower().config());
        return new Sight(device, new ClipTower(device, vision.tower(), layers), kept);
    }

    /** Rows of a picture's features: the class token and P patches. */
    public int rows() {
        return source.rows();
    }

    /** Channels of the features. */
    public int channels() {
        return source.channels();
    }

    /** Patches along a side. */
    public int grid() {
        return source.grid();
    }

    /** How often the source made features: where it is a tower, how often that ran. */
    public long runs() {
        return runs;
    }

    /**
     * F32 [P + 1, C], the class token first; valid until {@code kept} other pictures were asked for.
     *
     * @throws Failure DATA where the source cannot make them, see {@link Features#of}
     */
    public Buffer features(Picture picture) {
        Buffer known = features.get(picture.id());
        return known != null ? known : make(picture);
    }

    private Buffer make(Picture picture) {
        if (free == null) free = room();
        source.of(picture, free);
        runs++;
        Buffer made = free;
        free = null;
        features.put(picture.id(), made);
        return made;
    }

    private Buffer room() {
        return features.size() < kept
                ? device.allocate(DType.F32, (long) rows() * channels())
                : features.remove(features.keySet().iterator().next());
    }

    @Override
    public void close() {
        features.values().forEach(device::free);
        if (free != null) device.free(free);
        source.close();
    }
}
