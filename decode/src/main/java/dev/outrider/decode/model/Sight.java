package dev.outrider.decode.model;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Tower;
import dev.outrider.checkpoints.Vision;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A tower's features of pictures, each computed once however many models, answers and turns ask for it: target and
 * draft share one of these. The latest are kept. Not safe for several threads.
 */
public final class Sight implements AutoCloseable {
    private final Device device;
    private final ClipTower tower;
    private final int kept;
    private final Map<String, Buffer> features = new LinkedHashMap<>(16, 0.75f, true);
    private long runs;

    /**
     * @param tower stays the caller's, and must outlive this
     * @param layers of the tower that run, {@link dev.outrider.checkpoints.VisionConfig#layersRun}
     * @param kept pictures whose features stay in memory: (P + 1)·C floats each, 2.4 MB with CLIP-L/14 at 336 pixels
     */
    public Sight(Device device, Tower tower, int layers, int kept) {
        this.device = device;
        this.tower = new ClipTower(device, tower, layers);
        this.kept = Math.max(1, kept);
    }

    /** What a model reads of its tower. */
    public static Sight of(Device device, Vision vision, int kept) {
        return new Sight(
                device, vision.tower(), vision.config().layersRun(vision.tower().config()), kept);
    }

    /** Rows of a picture's features: the class token and P patches. */
    public int rows() {
        return tower.rows();
    }

    /** Channels of the features. */
    public int channels() {
        return tower.config().hiddenSize();
    }

    /** Patches along a side. */
    int grid() {
        return tower.config().grid();
    }

    /** How often the tower ran. */
    public long runs() {
        return runs;
    }

    /**
     * F32 [P + 1, C], the class token first; valid until {@code kept} other pictures were asked for.
     *
     * @throws Failure DATA where the picture is not of the tower's size
     */
    public Buffer features(Picture picture) {
        Buffer known = features.get(picture.id());
        return known != null ? known : compute(picture);
    }

    private Buffer compute(Picture picture) {
        float[] pixels = picture.pixels();
        int side = tower.config().imageSize();
        if (pixels.length != tower.config().pictureValues()) {
            throw Failure.data(
                    "picture " + picture.id(),
                    pixels.length + " values",
                    "3 x " + side + " x " + side + ", the tower's size",
                    "Prepare pictures with the tower's own preprocessor_config.json.");
        }
        Buffer into = features.size() < kept
                ? device.allocate(DType.F32, (long) rows() * channels())
                : features.remove(features.keySet().iterator().next());
        tower.hidden(pixels, into);
        runs++;
        features.put(picture.id(), into);
        return into;
    }

    @Override
    public void close() {
        features.values().forEach(device::free);
        tower.close();
    }
}
