package dev.outrider.decode.device.cuda;

import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.cpu.BackwardContract;

/** The contract on the GPU's code. */
class CudaBackwardContractTest extends BackwardContract {
    @Override
    protected Device open() {
        return new FakeGpu().races().device();
    }
}
