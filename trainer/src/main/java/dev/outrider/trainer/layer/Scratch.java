package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;

/** Device memory that grows to the largest size asked for and is then reused. */
final class Scratch implements AutoCloseable {
    private final Device device;
    private Buffer memory;

    Scratch(Device device) {
        this.device = device;
    }

    /** At least so many F32 elements, values undefined; what was given before is gone if it had to grow. */
    Buffer of(long elements) {
        if (memory == null || memory.elements() < elements) {
            close();
            memory = device.allocate(DType.F32, elements);
        }
        return memory;
    }

    @Override
    public void close() {
        if (memory != null) device.free(memory);
        memory = null;
    }
}
