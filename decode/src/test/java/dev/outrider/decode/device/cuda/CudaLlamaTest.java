package dev.outrider.decode.device.cuda;

import dev.outrider.decode.device.Device;

/** A whole model on the GPU's code. */
class CudaLlamaTest extends CudaLlamaContract {
    @Override
    Device open() {
        return FakeGpu.open();
    }
}
