package dev.outrider.data.image;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Tower;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.ClipTower;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;

/** Makes of image files what a store holds of them; for one thread. */
final class PictureMaker implements AutoCloseable {
    private final PictureKind kind;
    private final ImageLoader loader;
    private final Tower tower;
    private final CpuDevice device;
    private final ClipTower clip;
    private final Buffer features;
    private final float[] values;
    private Raster levels;

    PictureMaker(PictureKind kind, TowerReading reading, ImageOptions options) {
        this.kind = kind;
        loader = new ImageLoader(reading.preprocessing(), options);
        tower = reading.open();
        boolean runs = kind == PictureKind.FEATURES;
        // One thread: tasks share the cores, and a picture's features are the same on all of them.
        device = runs ? new CpuDevice(1) : null;
        clip = runs ? new ClipTower(device, tower, reading.layers()) : null;
        values = new float[runs ? clip.rows() * clip.config().hiddenSize() : 0];
        features = runs ? device.allocate(DType.F32, values.length) : null;
    }

    /** Values of a picture. */
    int values() {
        return kind == PictureKind.LEVELS ? tower.config().pictureValues() : values.length;
    }

    /** What became of a file, and its values where it is a picture. */
    record Made(LoadedImage image, byte[] values) {}

    Made make(Path file) {
        LoadedImage image = loader.attempt(file, raster -> levels = raster);
        if (!(image instanceof LoadedImage.Decoded(Pixels pixels))) return new Made(image, null);
        requireSize(file, pixels);
        return new Made(image, kind == PictureKind.LEVELS ? levels.planes() : features(pixels));
    }

    private void requireSize(Path file, Pixels pixels) {
        int side = tower.config().imageSize();
        if (pixels.width() == side && pixels.height() == side) return;
        throw Failure.usage(
                file.toString(),
                pixels.width() + "x" + pixels.height() + " pixels after preprocessing",
                side + "x" + side + ", which the tower reads",
                "Use the tower's own preprocessor_config.json.");
    }

    private byte[] features(Pixels pixels) {
        clip.hidden(pixels.values(), features);
        device.download(features, values, 0, values.length);
        ByteBuffer halves = ByteBuffer.allocate(2 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) halves.putShort(half(value));
        return halves.array();
    }

    // What is too large for float16 becomes its largest number.
    private static short half(float value) {
        return Float.floatToFloat16(Math.clamp(value, -65504f, 65504f));
    }

    @Override
    public void close() {
        if (clip != null) clip.close();
        if (device != null) device.close();
        tower.close();
    }
}
