package dev.outrider.data.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PngTest {
    // 260 x 260 pixels take four stored blocks.
    @ParameterizedTest
    @CsvSource({"1,1", "48,48", "7,3", "1,300", "300,1", "260,260", "21845,1"})
    void whatIsWrittenIsReadByOthers(int width, int height) throws IOException {
        byte[] rgb = new byte[3 * width * height];
        new Random(width).nextBytes(rgb);
        for (byte[] file : new byte[][] {Png.stored(width, height, rgb), Png.compressed(width, height, rgb)}) {
            BufferedImage jdk = ImageIO.read(new ByteArrayInputStream(file));
            Raster own = Decoder.decode("test", ImageSource.read(new ImageBytes("test", file)));
            assertThat(jdk.getWidth()).isEqualTo(own.width()).isEqualTo(width);
            assertThat(jdk.getHeight()).isEqualTo(own.height()).isEqualTo(height);
            for (int i = 0; i < width * height; i++) {
                int expected = (rgb[3 * i] & 0xff) << 16 | (rgb[3 * i + 1] & 0xff) << 8 | rgb[3 * i + 2] & 0xff;
                assertThat(jdk.getRGB(i % width, i / width) & 0xffffff).isEqualTo(expected);
            }
            assertThat(own.levels()).isEqualTo(rgb);
        }
    }

    @ParameterizedTest
    @CsvSource({"0,1,0", "2,2,11", "2,2,13"})
    void levelsThatDoNotFit(int width, int height, int levels) {
        assertThatThrownBy(() -> Png.stored(width, height, new byte[levels]))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(levels + " levels");
    }
}
