package dev.outrider.decode.device.cuda;

import dev.outrider.decode.device.cuda.CudaLibraries.Found;
import dev.outrider.decode.device.cuda.CudaLibraries.Missing;
import dev.outrider.decode.device.cuda.CudaLibraries.Part;
import java.util.List;

/** Machines with and without cards, for tests of other modules. */
public final class FakeMachine {
    private FakeMachine() {}

    /** Libraries as they would be found beside a driver with so many cards. */
    public static CudaLibraries withCards(int cards, int driverVersion) {
        FakeDriver driver = new FakeDriver();
        driver.cards = cards;
        driver.version = driverVersion;
        return CudaLibraries.given(List.of(
                new Found(Part.DRIVER, "libcuda.so.1", CudaDriver.versionText(driverVersion), driver.symbols()),
                new Found(Part.NVRTC, "/cuda/lib64/libnvrtc.so.13", "13.1", new FakeNvrtc().symbols()),
                new Missing(Part.CUBLASLT, List.of("/cuda/lib64", "the system's loader"), "Install cuBLAS.")));
    }

    /** As {@link #withCards}, with one card whose driver does not start. */
    public static CudaLibraries brokenDriver() {
        FakeDriver driver = new FakeDriver();
        driver.fail("cuInit", 1, FakeCards.UNKNOWN);
        return CudaLibraries.given(List.of(new Found(Part.DRIVER, "libcuda.so.1", "12.8", driver.symbols())));
    }

    /** Nothing of NVIDIA's. */
    public static CudaLibraries empty() {
        return CudaLibraries.given(List.of());
    }
}
