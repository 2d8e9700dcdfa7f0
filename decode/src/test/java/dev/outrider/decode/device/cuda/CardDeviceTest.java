package dev.outrider.decode.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.Everything;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** All operations on a card, and what it keeps. */
@Tag("card")
class CardDeviceTest {
    @Test
    void agreesWithTheCpu() {
        try (CudaDevice gpu = Cards.open()) {
            CudaEverythingTest.agrees(gpu);
        }
    }

    /** Bit for bit, whatever order the card chooses. */
    @Test
    void everyRunIsTheSame() {
        List<float[]> once = results();
        for (int run = 0; run < 3; run++) {
            List<float[]> again = results();
            for (int i = 0; i < once.size(); i++)
                assertThat(again.get(i)).as("buffer %d", i).isEqualTo(once.get(i));
        }
    }

    private static List<float[]> results() {
        try (CudaDevice gpu = Cards.open()) {
            Everything all = new Everything(gpu);
            all.operations.values().forEach(Runnable::run);
            return all.contents();
        }
    }

    /** What devices took, the card has again. */
    @Test
    void nothingIsLeftBehind() {
        try (CudaDevice watching = Cards.open()) {
            round();
            long before = watching.freeBytes();
            for (int i = 0; i < 100; i++) round();
            assertThat(watching.freeBytes()).isGreaterThanOrEqualTo(before - (16 << 20));
        }
    }

    private static void round() {
        try (CudaDevice gpu = Cards.open()) {
            Buffer x = gpu.allocate(DType.F32, 1 << 20);
            gpu.upload(Seeds.normal(Seeds.generator(1), 64, 1), 0, x, 64);
            gpu.add(x, x, 1 << 20);
            for (int i = 0; i < 10; i++) gpu.free(gpu.allocate(DType.F32, 1 << 20));
            gpu.download(x, new float[1], 0, 1);
        }
    }

    @Test
    void tooMuchIsAFailureThatNamesTheCard() {
        try (CudaDevice gpu = Cards.open()) {
            assertThatThrownBy(() -> gpu.allocate(DType.F32, 1L << 44))
                    .isInstanceOfSatisfying(
                            Failure.class, f -> assertThat(f.kind()).isEqualTo(Failure.Kind.MACHINE));
            Buffer x = gpu.allocate(DType.F32, 4);
            gpu.upload(new float[] {1, 2, 3, 4}, 0, x, 4);
            float[] back = new float[4];
            gpu.download(x, back, 0, 4);
            assertThat(back).containsExactly(1, 2, 3, 4);
        }
    }
}
