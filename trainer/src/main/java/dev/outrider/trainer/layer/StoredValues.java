package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/** A checkpoint's values into a model's memory, whatever their type; nothing may be left over on either side. */
final class StoredValues {
    private static final long BLOCK = 1 << 16;

    private StoredValues() {}

    /** @param to F32, in native memory, under Hugging Face's names */
    static void copy(Checkpoint from, List<Tensor> to) {
        sameNames(from, to);
        copy(from.path().toString(), from::tensor, to);
    }

    /**
     * @param place where the values are from, for messages
     * @param from the value of each of the tensors by its name
     */
    static void copy(String place, Function<String, Tensor> from, List<Tensor> to) {
        for (Tensor tensor : to) copy(place, from.apply(tensor.name()), tensor);
    }

    private static void copy(String place, Tensor from, Tensor to) {
        if (!Arrays.equals(from.shape(), to.shape())) {
            throw Failure.data(
                    place + ", tensor " + from.name(),
                    "shape " + Arrays.toString(from.shape()),
                    Arrays.toString(to.shape()),
                    "Choose a checkpoint of the same shape.");
        }
        if (from.dtype() == DType.F32) {
            to.data().copyFrom(from.data());
        } else {
            long blocks = (to.elements() + BLOCK - 1) / BLOCK;
            LongStream.range(0, blocks).parallel().forEach(b -> convert(from, to, b * BLOCK));
        }
    }

    private static void convert(Tensor from, Tensor to, long first) {
        long end = Math.min(to.elements(), first + BLOCK);
        for (long i = first; i < end; i++) to.data().setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) from.value(i));
    }

    // A tensor silently left out trains fine and serves badly.
    private static void sameNames(Checkpoint from, List<Tensor> to) {
        Set<String> wanted = to.stream().map(Tensor::name).collect(Collectors.toCollection(TreeSet::new));
        Set<String> found = new TreeSet<>(from.names());
        found.removeAll(DraftVocabulary.NAMES);
        if (found.equals(wanted)) return;
        Set<String> missing = new TreeSet<>(wanted);
        missing.removeAll(found);
        found.removeAll(wanted);
        throw Failure.data(
                from.path().toString(),
                "tensors too many " + found + ", missing " + missing,
                "the tensors of the model that is being trained",
                "Choose a checkpoint of the same shape (layers, biases, tied embeddings).");
    }
}
