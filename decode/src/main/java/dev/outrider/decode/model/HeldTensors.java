package dev.outrider.decode.model;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/**
 * A checkpoint's tensors as a device holds them. Every tensor must have its place: one that is missing,
 * misshapen or left over is refused, never passed over.
 */
final class HeldTensors implements AutoCloseable {
    private final Device device;
    private final Checkpoint checkpoint;
    private final Map<String, Buffer> held = new HashMap<>();

    HeldTensors(Device device, Checkpoint checkpoint) {
        this.device = device;
        this.checkpoint = checkpoint;
    }

    /** The tensor of that name and shape; held once, however often asked for. */
    Buffer held(String name, long... shape) {
        return held.computeIfAbsent(name, n -> device.hold(checked(checkpoint.tensor(n), shape)));
    }

    /** name.weight [out, in] and, if there is one, name.bias [out]. */
    Linear linear(String name, int in, int out, boolean bias) {
        Optional<Buffer> b = bias ? Optional.of(held(name + ".bias", out)) : Optional.empty();
        return new Linear(held(name + ".weight", out, in), b, in, out);
    }

    private Tensor checked(Tensor tensor, long[] shape) {
        if (Arrays.equals(tensor.shape(), shape)) return tensor;
        throw Failure.data(
                checkpoint.path() + ", tensor " + tensor.name(),
                "shape " + Arrays.toString(tensor.shape()),
                Arrays.toString(shape) + " by the configuration",
                "Configuration and weights belong to different models.");
    }

    /** Old files hold rotary frequencies, and some tied ones the head once more; both follow from the rest. */
    void refuseUnused(boolean tied) {
        TreeSet<String> unused = new TreeSet<>(checkpoint.names());
        unused.removeAll(held.keySet());
        unused.removeIf(name -> name.endsWith("rotary_emb.inv_freq") || tied && name.equals("lm_head.weight"));
        if (unused.isEmpty()) return;
        throw Failure.data(
                checkpoint.path() + ", tensor " + unused.first(),
                unused.size() + " tensor(s) that a LLaMA of this configuration does not have",
                "a place for every tensor",
                "Check num_hidden_layers, attention_bias and mlp_bias, or use a plain LLaMA checkpoint.");
    }

    @Override
    public void close() {
        held.values().forEach(device::free);
        held.clear();
    }
}
