package dev.outrider.decode.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.CpuDevice;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Over features that no tower makes. */
class SightTest {
    private record Named(String id) implements Picture {
        @Override
        public float[] pixels() {
            throw new AssertionError("nobody asks for pixels where features are kept");
        }
    }

    /** A number for a name; none for names that are no numbers. */
    private static final class Stored implements Features {
        private final CpuDevice device;
        boolean closed;

        Stored(CpuDevice device) {
            this.device = device;
        }

        @Override
        public int rows() {
            return 5;
        }

        @Override
        public int channels() {
            return 3;
        }

        @Override
        public int grid() {
            return 2;
        }

        @Override
        public void of(Picture picture, Buffer into) {
            if (!picture.id().matches("\\d+")) throw Failure.data(picture.id(), "nothing", "features", "Keep them.");
            float[] values = new float[15];
            Arrays.fill(values, Float.parseFloat(picture.id()));
            device.upload(values, 0, into, 15);
        }

        @Override
        public void close() {
            closed = true;
        }
    }

    @Test
    void whatOneCannotMakeLeavesTheOthers() {
        try (CpuDevice device = new CpuDevice(1)) {
            Stored stored = new Stored(device);
            try (Sight sight = new Sight(device, stored, 2)) {
                assertThat(sight.rows()).isEqualTo(5);
                assertThat(sight.channels()).isEqualTo(3);
                assertThat(sight.grid()).isEqualTo(2);
                for (int i = 0; i < 20; i++) {
                    assertSees(device, sight, i % 3);
                    assertThatThrownBy(() -> sight.features(new Named("broken")))
                            .isInstanceOf(Failure.class);
                    assertSees(device, sight, i % 3);
                }
                assertThat(sight.runs()).as("what is asked for again is there").isEqualTo(20);
            }
            assertThat(stored.closed).isTrue();
        }
    }

    private static void assertSees(CpuDevice device, Sight sight, int number) {
        float[] values = new float[15];
        device.download(sight.features(new Named("" + number)), values, 0, 15);
        assertThat(values).containsOnly(number);
    }
}
