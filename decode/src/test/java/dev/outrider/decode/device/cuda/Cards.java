package dev.outrider.decode.device.cuda;

import static org.junit.jupiter.api.Assumptions.abort;

import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.device.Precision;
import dev.outrider.decode.device.cuda.CudaLibraries.Found;
import dev.outrider.decode.device.cuda.CudaLibraries.Part;

/** The first card of this machine, for tests tagged "card": skipped, and saying so, where there is none. */
final class Cards {
    private static final CudaLibraries HERE = CudaLibraries.ofThisMachine();
    private static boolean said;

    private Cards() {}

    static CudaDevice open() {
        return open(Precision.F32);
    }

    static synchronized CudaDevice open(Precision precision) {
        if (!(HERE.result(Part.DRIVER) instanceof Found)) return absent("no NVIDIA driver");
        try {
            if (CudaDriver.of(HERE.driver()).count() == 0) return absent("no NVIDIA GPU");
        } catch (Failure e) {
            return absent(e.getMessage()); // a driver without a card cannot be initialised
        }
        return CudaDevice.open(HERE, 0, precision);
    }

    private static CudaDevice absent(String why) {
        if (!said) System.out.println("skipped: tests on a card (" + why + ")");
        said = true;
        return abort(why);
    }
}
