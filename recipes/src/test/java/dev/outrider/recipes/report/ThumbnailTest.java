package dev.outrider.recipes.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.ImagePreprocessing;
import dev.outrider.decode.model.Picture;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ThumbnailTest {
    private record Seen(String id, float[] pixels) implements Picture {}

    /** Averages of squares of the picture's own levels, worked out one by one. */
    @ParameterizedTest
    @ValueSource(ints = {1, 48, 112, 113, 336})
    void levelsAreThePictures(int side) throws IOException {
        ImagePreprocessing settings = ImagePreprocessing.clip(side);
        byte[] levels = new byte[3 * side * side];
        new Random(side).nextBytes(levels);
        float[] pixels = new float[levels.length];
        for (int i = 0; i < pixels.length; i++) {
            int c = i / (side * side);
            double mean = settings.mean().get(c), std = settings.std().get(c);
            pixels[i] = (float) (((levels[i] & 0xff) / 255.0 - mean) / std);
        }
        BufferedImage image = decoded(Thumbnail.of(new Seen("a", pixels), settings));
        int block = side <= 112 ? 1 : side <= 224 ? 2 : 3, edge = side / block;
        assertThat(image.getWidth()).isEqualTo(image.getHeight()).isEqualTo(edge);
        for (int i = 0; i < 3 * edge * edge; i++) {
            int c = i / (edge * edge), y = i / edge % edge, x = i % edge;
            double sum = 0;
            for (int dy = 0; dy < block; dy++) {
                for (int dx = 0; dx < block; dx++) {
                    sum += levels[(c * side + y * block + dy) * side + x * block + dx] & 0xff;
                }
            }
            double level = image.getRGB(x, y) >> 16 - 8 * c & 0xff;
            assertThat(level).isCloseTo(sum / (block * block), within(0.51));
        }
    }

    private static BufferedImage decoded(String uri) throws IOException {
        assertThat(Thumbnail.isOne(uri)).isTrue();
        byte[] png = Base64.getDecoder().decode(uri.substring(uri.indexOf(',') + 1));
        return ImageIO.read(new ByteArrayInputStream(png));
    }

    @Test
    void nothingElseIsOne() {
        for (String other : List.of(
                "",
                "javascript:alert(1)",
                "https://example.org/a.png",
                "data:image/png;base64,",
                "data:image/svg+xml;base64,AAAA",
                "data:image/png;base64,AAAA\" onload=\"alert(1)",
                "data:image/png;base64,AA<A")) {
            assertThat(Thumbnail.isOne(other)).as(other).isFalse();
        }
    }
}
