package dev.outrider.decode.device.cpu;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.Precision;

/** The contract on the cpu; skipped on CPUs that do not multiply BF16. */
class CpuMixedContractTest extends MixedContract {
    @Override
    protected Device open() {
        assumeTrue(CoreType.multipliesBf16(CoreType.flags()), "this CPU does not multiply BF16");
        return new CpuDevice(2, Precision.BF16);
    }
}
