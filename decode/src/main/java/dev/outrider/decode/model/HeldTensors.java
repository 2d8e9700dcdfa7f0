package dev.outrider.decode.model;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** A checkpoint's tensors as a device holds them, each held once however often asked for. */
final class HeldTensors implements AutoCloseable {
    private final Device device;
    private final Checkpoint checkpoint;
    private final Map<String, Buffer> held = new HashMap<>();

    HeldTensors(Device device, Checkpoint checkpoint) {
        this.device = device;
        this.checkpoint = checkpoint;
    }

    Buffer held(String name) {
        return held.computeIfAbsent(name, n -> device.hold(checkpoint.tensor(n)));
    }

    /** name.weight [out, in] and, if there is one, name.bias [out]. */
    Linear linear(String name, int in, int out, boolean bias) {
        Optional<Buffer> b = bias ? Optional.of(held(name + ".bias")) : Optional.empty();
        return new Linear(held(name + ".weight"), b, in, out);
    }

    @Override
    public void close() {
        held.values().forEach(device::free);
        held.clear();
    }
}
