package dev.outrider.decode.model;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** A model's tensors as a device holds them, each held once however often asked for. */
final class HeldTensors implements AutoCloseable {
    private final Device device;
    private final Function<String, Tensor> tensors;
    private final WeightType type;
    private final Map<String, Buffer> held = new HashMap<>();

    HeldTensors(Device device, Function<String, Tensor> tensors, WeightType type) {
        this.device = device;
        this.tensors = tensors;
        this.type = type;
    }

    Buffer held(String name) {
        return held.computeIfAbsent(name, n -> held(tensors.apply(n)));
    }

    private Buffer held(Tensor tensor) {
        return Room.with(
                "weights, at " + tensor.name(), "Narrower weights need less: int8.", () -> type.held(device, tensor));
    }

    /** name.weight [out, in] and, if there is one, name.bias [out]. */
    Linear linear(String name, int in, int out, boolean bias) {
        Optional<Buffer> b = bias ? Optional.of(held(name + ".bias")) : Optional.empty();
        return new Linear(held(name + ".weight"), b, in, out);
    }

    /** A norm's gain, say: as F32, whatever its type, and never arranged for products. */
    Buffer floats(String name) {
        return held.computeIfAbsent(name, n -> device.hold(flat(tensors.apply(n)), DType.F32));
    }

    private static Tensor flat(Tensor t) {
        return new Tensor(t.name(), t.dtype(), new long[] {t.elements()}, t.data());
    }

    /** Matrices [out, in] one below the other, with biases: a copy. */
    Linear stacked(List<String> names, int in, int out) {
        Buffer weight = stacked(names, ".weight"), bias = stacked(names, ".bias");
        return new Linear(weight, Optional.of(bias), in, names.size() * out);
    }

    private Buffer stacked(List<String> names, String ending) {
        return held.computeIfAbsent(String.join("+", names) + ending, n -> {
            List<Tensor> parts =
                    names.stream().map(p -> tensors.apply(p + ending)).toList();
            return held(Tensor.stacked(n, parts));
        });
    }

    @Override
    public void close() {
        held.values().forEach(device::free);
        held.clear();
    }
}
