package dev.outrider.decode.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.Precision;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Opening a card: what its kernels are compiled for, and what of them is kept. */
class CudaDeviceTest {
    @TempDir
    Path folder;

    /** A kind that the compiler does not know yet: PTX of the newest below it, from the disk the second time. */
    @Test
    void aNewerCardGetsPtx() {
        int newest =
                Nvrtcs.all().getFirst().architectures()[Nvrtcs.all().getFirst().architectures().length - 1];
        for (int time = 0; time < 2; time++) {
            FakeGpu gpu = new FakeGpu().card(newest / 10 + 1, 0);
            try (Device device = CudaDevice.open(gpu.libraries(), 0, Precision.F32, folder)) {
                assertThat(device.name()).contains("Fake H100", "sm_" + (newest / 10 + 1) + "0", "no cuBLASLt");
                Buffer x = device.allocate(DType.F32, 5), y = device.allocate(DType.F32, 5);
                device.upload(new float[] {1, 2, 3, 4, 5}, 0, x, 5);
                device.add(y, x, 5);
                device.add(y, x, 5);
                float[] found = new float[5];
                device.download(y, found, 0, 5);
                assertThat(found).containsExactly(2, 4, 6, 8, 10);
            }
            assertThat(gpu.loaded).hasSize(1);
            assertThat(gpu.loaded.getFirst()).contains(".target sm_" + newest);
            assertThat(folder).isDirectoryContaining(file -> file.toString().endsWith(".ptx"));
            assertThat(gpu.driver.leaks()).isEmpty();
        }
    }

    /** Code of the card's own, which the pretended driver does not take. */
    @Test
    void aKnownCardGetsItsOwnCode() {
        FakeGpu gpu = new FakeGpu();
        try (Device device = CudaDevice.open(gpu.libraries(), 0, Precision.F32, folder)) {
            Buffer x = device.allocate(DType.F32, 5);
            assertThatThrownBy(() -> device.add(x, x, 5)).isInstanceOf(Failure.class);
        }
        assertThat(gpu.loaded.getFirst()).startsWith("\177ELF");
        assertThat(folder).isDirectoryContaining(file -> file.toString().endsWith(".cubin"));
    }

    @Test
    void withoutADriverItSaysSo() {
        assertThatThrownBy(() -> CudaDevice.open(CudaLibraries.given(List.of()), 0, Precision.F32, folder))
                .isInstanceOfSatisfying(Failure.class, f -> assertThat(f.kind()).isEqualTo(Failure.Kind.MACHINE));
    }

    @Test
    void whatDoesNotFitIsAFailureOfTheMachine() {
        try (Device device = FakeGpu.open()) {
            assertThatThrownBy(() -> device.allocate(DType.F32, 1L << 40))
                    .isInstanceOfSatisfying(
                            Failure.class, f -> assertThat(f.kind()).isEqualTo(Failure.Kind.MACHINE));
        }
    }

    /** The same positions, entries and contexts for every layer are sent once. */
    @Test
    void numbersThatAreThereAreNotSentAgain() {
        FakeGpu gpu = new FakeGpu();
        try (Device device = gpu.device()) {
            Buffer x = device.allocate(DType.F32, 3 * 8), table = device.allocate(DType.F32, 8 * 10);
            int[] positions = {3, 9, 0}, others = {3, 9, 1};
            List<Integer> calls = new ArrayList<>();
            for (int[] each : new int[][] {positions, positions.clone(), others, positions}) {
                int before = gpu.driver.calls("cuMemcpyHtoDAsync_v2");
                device.ropeEach(x, 3, 1, 8, table, 10, each);
                calls.add(gpu.driver.calls("cuMemcpyHtoDAsync_v2") - before);
            }
            assertThat(calls).containsExactly(1, 0, 1, 1);
        }
    }

    /** Heads that no kernel of training is made for. */
    @Test
    void headsThatAreTooLargeAreRefusedByName() {
        try (Device device = FakeGpu.open()) {
            Buffer any = device.allocate(DType.F32, 3 * 300), logs = device.allocate(DType.F32, 1);
            device.upload(Seeds.normal(Seeds.generator(1), 900, 1), 0, any, 900);
            assertThatThrownBy(() -> device.selfAttention(any, logs, any, 1, 1, 1, 1, 300, true))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("heads of 300 channels");
        }
    }
}
