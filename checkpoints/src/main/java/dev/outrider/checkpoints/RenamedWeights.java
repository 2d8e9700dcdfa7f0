package dev.outrider.checkpoints;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** Some of a model's tensors under other names. The files stay their owner's. */
final class RenamedWeights implements Weights {
    private final Weights stored;
    private final Map<String, String> names = new LinkedHashMap<>();

    RenamedWeights(Weights stored) {
        this.stored = stored;
    }

    /** @throws Failure DATA where two tensors would have one name */
    void add(String name, String storedName) {
        String other = names.putIfAbsent(name, storedName);
        if (other == null) return;
        throw Failure.data(
                stored.place(storedName),
                "the same tensor as " + other,
                "one of the two",
                "The file mixes two ways of naming: get the model again.");
    }

    private String stored(String name) {
        return names.getOrDefault(name, name);
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(names.keySet());
    }

    @Override
    public Tensor tensor(String name) {
        return stored.tensor(stored(name)).named(name);
    }

    @Override
    public long[] shape(String name) {
        return stored.shape(stored(name));
    }

    @Override
    public DType dtype(String name) {
        return stored.dtype(stored(name));
    }

    @Override
    public Stored storage(String name) {
        return stored.storage(stored(name));
    }

    @Override
    public String place(String name) {
        return stored.place(stored(name));
    }

    @Override
    public void close() {
        // The files are the owner's.
    }
}
