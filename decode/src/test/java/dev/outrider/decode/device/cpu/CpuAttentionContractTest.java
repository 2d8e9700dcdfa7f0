package dev.outrider.decode.device.cpu;

import dev.outrider.decode.device.Device;

/** The contract on the cpu. */
class CpuAttentionContractTest extends AttentionContract {
    @Override
    protected Device open() {
        return new CpuDevice(2);
    }
}
