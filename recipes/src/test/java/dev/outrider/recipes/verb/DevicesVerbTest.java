package dev.outrider.recipes.verb;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.decode.device.cuda.CudaLibraries;
import dev.outrider.decode.device.cuda.FakeMachine;
import dev.outrider.recipes.Outrider;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** What a user reads of a machine with cards, with half of what they need, and with none. */
class DevicesVerbTest {
    private static String lines(CudaLibraries libraries) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DevicesVerb.print(new PrintStream(bytes, true, StandardCharsets.UTF_8), "cpu: 2 threads", libraries);
        return bytes.toString(StandardCharsets.UTF_8);
    }

    @Test
    void cardsAndWhatTheyLack() {
        assertThat(lines(FakeMachine.withCards(2, 13_000))).isEqualTo("""
                        cpu         2 threads
                        gpu 0       Fake H100 (sm_90), 4.0 GiB, 132 multiprocessors, 3,352 GB/s at most
                        gpu 1       Fake H100 (sm_90), 4.0 GiB, 132 multiprocessors, 3,352 GB/s at most
                        driver      for CUDA 13.0, libcuda.so.1
                        nvrtc       13.1, /cuda/lib64/libnvrtc.so.13
                        cublaslt    not found. Install cuBLAS.
                                    looked for in /cuda/lib64, the system's loader
                        """);
    }

    @Test
    void aDriverWithoutCards() {
        assertThat(lines(FakeMachine.withCards(0, 13_000))).contains("gpu         none. Check with nvidia-smi");
    }

    @Test
    void aDriverThatIsOlderThanTheLibraries() {
        assertThat(lines(FakeMachine.withCards(1, 12_040)))
                .contains("nvrtc       13.1", "newer than the driver's CUDA 12.4: update the driver");
        assertThat(lines(FakeMachine.withCards(1, 11_080)))
                .contains("gpu         the CUDA driver: found one for CUDA 11.8");
    }

    @Test
    void aDriverThatDoesNotStart() {
        assertThat(lines(FakeMachine.brokenDriver())).contains("gpu         the CUDA driver: found CUDA_ERROR_UNKNOWN");
    }

    @Test
    void nothingOfNvidias() {
        assertThat(lines(FakeMachine.empty()))
                .startsWith("cpu         2 threads")
                .contains("driver      not found.", "nvrtc       not found.", "cublaslt    not found.")
                .doesNotContain("gpu");
    }

    @Test
    void thisMachineIsNoFailure() {
        PrintStream before = System.out;
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
            assertThat(Outrider.command().execute("devices")).isZero();
        } finally {
            System.setOut(before);
        }
        assertThat(bytes.toString(StandardCharsets.UTF_8))
                .startsWith("cpu ")
                .contains(" threads, ", "\ndriver ", "\nnvrtc ", "\ncublaslt ");
    }
}
