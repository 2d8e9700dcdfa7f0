package dev.outrider.data.image;

import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.device.cpu.CpuDevice;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.opencv.global.opencv_core;
import org.bytedeco.opencv.opencv_core.Mat;
import org.datavec.image.loader.NativeImageLoader;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * DataVec's NativeImageLoader, which decodes with OpenCV. The decoded picture is taken before it becomes an array of
 * ND4J's: levels are wanted, and no backend is needed. The loader turns pictures by their EXIF orientation, applies
 * transparency and plays animations; {@link ImageSource} leaves these out of what it sees. What OpenCV refuses it
 * would hand to Leptonica, which is left out of the build on purpose.
 *
 * <p>Levels are those of {@code PIL.Image.open(..).convert("RGB")}, also of 16 bits a channel: colours are cut to
 * their upper 8 bits, greys are not, but end at 255. CMYK alone differs, by at most two levels of 255, as OpenCV
 * rounds otherwise.
 */
final class Decoder extends NativeImageLoader {
    private static final long serialVersionUID = 1L;
    private static final String FALLBACK = "leptonica";

    private transient Raster raster;

    private Decoder() {}

    /** @throws Failure DATA where the picture is broken; MACHINE where OpenCV cannot be loaded */
    static Raster decode(String place, ImageSource source) {
        Raster frame = frame(place, source);
        if (frame.width() != source.frameWidth() || frame.height() != source.frameHeight()) {
            throw broken(place, source, frame.width() + "x" + frame.height() + " pixels", null);
        }
        if (source.covered()) return frame;
        Raster whole = Raster.filled(source.width(), source.height(), source.background());
        whole.paste(frame, source.left(), source.top());
        return whole;
    }

    private static Raster frame(String place, ImageSource source) {
        CpuDevice.loadOpenBlas();
        try (PointerScope _ = new PointerScope()) {
            Decoder decoder = new Decoder();
            decoder.asMatrix(new ByteArrayInputStream(source.frame()));
            return decoder.raster;
        } catch (IOException | RuntimeException e) {
            throw broken(place, source, "data that OpenCV cannot decode", e);
        } catch (LinkageError e) {
            if (!String.valueOf(e.getMessage()).contains(FALLBACK)) throw unusable(e);
            throw broken(place, source, "data that OpenCV cannot decode", e);
        }
    }

    private static Failure broken(String place, ImageSource source, String found, Throwable cause) {
        String expected = "a whole " + source.format() + " picture of " + source.frameWidth() + "x"
                + source.frameHeight() + " pixels";
        return new Failure(Failure.Kind.DATA, place, found, expected, "Get the image again, or leave it out.", cause);
    }

    private static Failure unusable(LinkageError cause) {
        return new Failure(
                Failure.Kind.MACHINE,
                "OpenCV",
                String.valueOf(cause.getMessage()),
                "the library of org.bytedeco:opencv for " + Loader.getPlatform(),
                "Add its jar for this platform, and let JavaCPP write to its cache (~/.javacpp or"
                        + " -Dorg.bytedeco.javacpp.cachedir).",
                cause);
    }

    /** Where the loader makes an array of what it has decoded. */
    @Override
    public INDArray asMatrix(Mat image) {
        raster = new Raster(image.cols(), image.rows());
        boolean wide = image.depth() == opencv_core.CV_16U;
        int channels = image.channels();
        byte[] row = new byte[image.cols() * (int) image.elemSize()];
        for (int y = 0; y < image.rows(); y++) {
            try (BytePointer at = image.ptr(y)) {
                at.get(row);
            }
            int to = 3 * y * image.cols();
            if (wide) narrow(row, channels);
            take(row, channels, raster.levels(), to);
        }
        return null;
    }

    /** 16-bit levels, little endian, to 8 bits. */
    private static void narrow(byte[] row, int channels) {
        for (int i = 0; i < row.length / 2; i++) {
            boolean clipped = channels == 1 && row[2 * i + 1] != 0;
            row[i] = clipped ? (byte) 255 : channels == 1 ? row[2 * i] : row[2 * i + 1];
        }
    }

    /** Greys, or B, G, R, to R, G, B. */
    private static void take(byte[] row, int channels, byte[] rgb, int to) {
        int pixels = (rgb.length - to) / 3;
        for (int x = 0; x < Math.min(pixels, row.length / channels); x++) {
            int from = x * channels;
            rgb[to + 3 * x] = row[from + channels - 1];
            rgb[to + 3 * x + 1] = row[from + channels / 2];
            rgb[to + 3 * x + 2] = row[from];
        }
    }
}
