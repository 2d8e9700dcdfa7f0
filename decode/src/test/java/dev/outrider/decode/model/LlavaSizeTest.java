package dev.outrider.decode.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.SparseLlava;
import dev.outrider.checkpoints.Vision;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.CpuDevice;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Models of LLaVA-1.5's true sizes open and are held where their files are mapped. */
class LlavaSizeTest {
    static Stream<Arguments> sizes() {
        // llava-1.5-7b: 7.06 billion by its model card; 13b: 13.35.
        return Stream.of(
                Arguments.of(SparseLlava.of7B(), 7.06e9, 6_738_415_616L + 2 * 64 * 4096),
                Arguments.of(SparseLlava.of13B(), 13.35e9, 13_015_864_320L + 2 * 64 * 5120));
    }

    @ParameterizedTest
    @MethodSource("sizes")
    void nothingIsCopied(SparseLlava model, double about, long language, @TempDir Path folder) throws IOException {
        model.write(folder);
        try (CpuDevice device = new CpuDevice(2);
                Checkpoint checkpoint = Checkpoint.open(folder)) {
            Vision vision = checkpoint.vision().orElseThrow();
            long parameters = checkpoint.config().parameters()
                    + vision.config().projectorParameters()
                    + vision.tower().config().parameters();
            assertThat(parameters).isEqualTo(model.parameters()).isCloseTo((long) about, within(0.005 * about));
            // LLaMA's published numbers, and the rows that LLaVA added to embedding and head.
            assertThat(checkpoint.config().parameters()).isEqualTo(language);
            assertThat(vision.config().rows(vision.tower().config())).isEqualTo(576);
            try (LlamaWeights weights = LlamaWeights.load(device, checkpoint)) {
                for (Linear one : weights.layers.getLast().matrices().toList()) mapped(one.weight());
                mapped(weights.embedding);
                mapped(weights.head());
                long address = checkpoint.tensor("lm_head.weight").data().address();
                assertThat(weights.head().address()).isEqualTo(address);
            }
        }
    }

    private static void mapped(Buffer buffer) {
        assertThat(buffer.type()).isEqualTo(DType.F16);
    }

    private static org.assertj.core.data.Offset<Long> within(double off) {
        return org.assertj.core.data.Offset.offset((long) off);
    }
}
