package dev.outrider.decode.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.cpu.BackwardContract;
import org.junit.jupiter.api.AfterEach;

/** Gradients where there is a cuBLASLt: products are its own. */
class CudaBlasGradientsTest extends BackwardContract {
    private final FakeGpu gpu = new FakeGpu().blas();

    @Override
    protected Device open() {
        return gpu.device();
    }

    @AfterEach
    void noProductIsOurs() {
        assertThat(gpu.launched).noneMatch(name -> name.startsWith("input_gradient") || name.startsWith("weight_"));
    }
}
