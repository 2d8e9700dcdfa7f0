package dev.outrider.checkpoints;

import java.util.Set;

/** Where a model's tensors lie, by their Hugging Face names. */
interface Weights extends AutoCloseable {
    Set<String> names();

    /** @throws Failure DATA where there is no such tensor */
    Tensor tensor(String name);

    /** The shape alone, outermost first, without making the tensor's values. */
    default long[] shape(String name) {
        return tensor(name).shape();
    }

    /** The type that {@link #tensor} will have, without making its values. */
    default DType dtype(String name) {
        return tensor(name).dtype();
    }

    /** What it is stored as: a type's name, and bytes in the file. */
    default Stored storage(String name) {
        return new Stored(dtype(name).name(), Tensor.elements(shape(name)) * dtype(name).bytes);
    }

    /** A type's name, such as BF16 or Q4_1, and the bytes that a tensor takes in the file. */
    record Stored(String type, long bytes) {}

    /** File and tensor, for messages; also of a name that is not there. */
    String place(String name);

    @Override
    void close();
}
