package dev.outrider.checkpoints;

import java.util.Set;

/** Where a model's tensors lie, by their Hugging Face names. */
interface Weights extends AutoCloseable {
    Set<String> names();

    /** @throws Failure DATA where there is no such tensor */
    Tensor tensor(String name);

    /** File and tensor, for messages; also of a name that is not there. */
    String place(String name);

    @Override
    void close();
}
