package dev.outrider.decode.device.cpu;

import dev.outrider.decode.device.Device;

/** The contract on the cpu. */
class CpuForwardContractTest extends ForwardContract {
    @Override
    protected Device open() {
        return new CpuDevice(2);
    }
}
