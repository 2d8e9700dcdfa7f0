package dev.outrider.decode.device.cuda;

import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.cpu.AttentionContract;

/** The contract on the GPU's code. */
class CudaAttentionContractTest extends AttentionContract {
    @Override
    protected Device open() {
        return new FakeGpu().races().device();
    }
}
