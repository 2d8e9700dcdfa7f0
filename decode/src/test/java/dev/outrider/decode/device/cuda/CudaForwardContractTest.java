package dev.outrider.decode.device.cuda;

import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.cpu.ForwardContract;

/** The contract on the GPU's code. */
class CudaForwardContractTest extends ForwardContract {
    @Override
    protected Device open() {
        return new FakeGpu().races().device();
    }
}
