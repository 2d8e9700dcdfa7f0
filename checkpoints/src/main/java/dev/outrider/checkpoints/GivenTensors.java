package dev.outrider.checkpoints;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Tensors in memory that are to become a model's weights, for the check against its configuration. */
record GivenTensors(Map<String, Tensor> byName) implements Weights {
    /** @throws IllegalArgumentException where two have one name */
    GivenTensors(List<Tensor> tensors) {
        this(new LinkedHashMap<>());
        for (Tensor t : tensors) {
            if (byName.put(t.name(), t) != null) throw new IllegalArgumentException("two tensors " + t.name());
        }
    }

    /** Those of the names that there are, in this order. */
    List<Tensor> those(Collection<String> names) {
        return names.stream().filter(byName::containsKey).map(byName::get).toList();
    }

    @Override
    public Set<String> names() {
        return byName.keySet();
    }

    @Override
    public Tensor tensor(String name) {
        return byName.get(name);
    }

    @Override
    public String place(String name) {
        return "model to write, tensor " + name;
    }

    @Override
    public void close() {
        // The tensors are the caller's.
    }
}
