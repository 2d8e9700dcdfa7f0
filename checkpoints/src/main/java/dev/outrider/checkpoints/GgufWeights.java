package dev.outrider.checkpoints;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.LongStream;

/**
 * The tensors of a LLaMA in a GGUF file, by their Hugging Face names. Plain types stay in the mapped file;
 * quantised ones are spelt out in float32, and rows of queries and keys put into half-split rotary order,
 * when they are first asked for, and kept until close.
 */
final class GgufWeights implements Weights {
    private final GgufFile file;
    private final ModelConfig config;
    private final Map<String, GgufFile.Entry> byName = new LinkedHashMap<>();
    private final Map<String, Tensor> made = new ConcurrentHashMap<>();

    private GgufWeights(GgufFile file) {
        this.file = file;
        this.config = GgufConfig.read(file);
        for (GgufFile.Entry e : file.entries().values()) {
            if (e.name().equals(GgufNames.ROPE_DIVISORS)) continue;
            refuseVector(e);
            byName.put(GgufNames.huggingFace(e.name()).orElse(e.name()), e);
        }
    }

    /** @throws Failure DATA where it is no GGUF of a LLaMA */
    static GgufWeights open(Path path) {
        GgufFile file = GgufFile.open(path);
        try {
            return new GgufWeights(file);
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private void refuseVector(GgufFile.Entry e) {
        if (e.shape().length > 1 || e.type().plain().isPresent()) return;
        throw GgufCursor.refused(file.path(), "tensor " + e.name(), "a vector in " + e.type(), "vectors in F32");
    }

    ModelConfig config() {
        return config;
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(byName.keySet());
    }

    @Override
    public Tensor tensor(String name) {
        GgufFile.Entry entry = entry(name);
        if (entry.type().plain().isPresent() && !RotaryRows.concerns(name)) {
            return new Tensor(name, dtype(name), entry.shape().clone(), file.data(entry));
        }
        return made.computeIfAbsent(name, n -> make(n, entry));
    }

    // A row is never parted by blocks, so rows are made side by side; an entry of a bias counts as one.
    private Tensor make(String name, GgufFile.Entry entry) {
        DType type = dtype(name);
        long rows = entry.shape()[0], elements = Tensor.elements(entry.shape()) / rows;
        long from = entry.size() / rows, to = elements * type.bytes;
        MemorySegment data = file.data(entry), values = file.arena().allocate(rows * to, 64);
        LongStream.range(0, rows).parallel().forEach(r -> {
            long row = RotaryRows.concerns(name) ? RotaryRows.halfSplit(r, config.headDim()) : r;
            spell(entry.type(), data.asSlice(r * from, from), values.asSlice(row * to, to));
        });
        return new Tensor(name, type, entry.shape().clone(), values);
    }

    private static void spell(GgufType type, MemorySegment from, MemorySegment to) {
        if (type.plain().isPresent()) to.copyFrom(from);
        else GgufBlocks.dequantise(type, from, to);
    }

    @Override
    public long[] shape(String name) {
        return entry(name).shape().clone();
    }

    @Override
    public DType dtype(String name) {
        return entry(name).type().plain().orElse(DType.F32);
    }

    @Override
    public Stored storage(String name) {
        return new Stored(entry(name).type().name(), entry(name).size());
    }

    private GgufFile.Entry entry(String name) {
        GgufFile.Entry entry = byName.get(name);
        if (entry != null) return entry;
        throw Failure.data(
                place(name), "no such tensor", "one of the model's " + byName.size(), "Check the file and the name.");
    }

    @Override
    public String place(String name) {
        GgufFile.Entry entry = byName.get(name);
        return file.path() + ", tensor " + (entry == null ? name : entry.name());
    }

    @Override
    public void close() {
        file.close();
    }
}
