package dev.outrider.decode.device.cuda;

import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.cpu.MixedContract;

/** The contract on the GPU's code, cuBLASLt being the fake one. */
class CudaMixedContractTest extends MixedContract {
    @Override
    protected Device open() {
        return new FakeGpu().races().mixed().device();
    }
}
