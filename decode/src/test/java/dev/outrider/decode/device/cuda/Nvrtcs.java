package dev.outrider.decode.device.cuda;

import dev.outrider.decode.device.cuda.CudaLibraries.Part;
import java.util.List;

/** The real NVRTCs of this machine. */
final class Nvrtcs {
    private Nvrtcs() {}

    /** At least one; the test that asks is skipped, and says so, where there is none. */
    static List<Nvrtc> all() {
        return RealLibraries.all(Part.NVRTC, "libnvrtc.so.12", "libnvrtc.so.13").stream()
                .map(Nvrtc::of)
                .toList();
    }
}
