package dev.outrider.decode.model;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** Memory that there may be too little of: an error says what it was for and what to lower, and leaves nothing behind. */
final class Room {
    private Room() {}

    /** So many buffers of F32, or none. */
    static Buffer[] buffers(Device device, int count, long elements, String what, String remedy) {
        List<Buffer> made = new ArrayList<>();
        try {
            while (made.size() < count) made.add(with(what, remedy, () -> device.allocate(DType.F32, elements)));
            return made.toArray(Buffer[]::new);
        } catch (RuntimeException e) {
            made.forEach(device::free);
            throw e;
        }
    }

    /** What {@code take} takes of a device; the failure of a machine that has no more names it. */
    static <T> T with(String what, String remedy, Supplier<T> take) {
        try {
            return take.get();
        } catch (Failure e) {
            if (e.kind() != Failure.Kind.MACHINE) throw e;
            Failure said = Failure.of(Failure.Kind.MACHINE, what + ": " + e.getMessage() + " " + remedy);
            said.addSuppressed(e);
            throw said;
        }
    }
}
