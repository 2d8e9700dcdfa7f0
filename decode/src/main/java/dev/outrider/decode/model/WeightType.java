package dev.outrider.decode.model;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;

/**
 * How a model's matrices are held: decoding is as fast as they are small. The model that results is a model
 * of its own: a draft checked against a target in int8 reproduces that target's words, not the float32 one's. On the cpu
 * BF16 and INT8 take what is multiplied with a matrix in its type as well, as other software does: rounded to BF16, or in
 * groups of 32 bytes under a scale.
 */
public enum WeightType {
    /** As the checkpoint has them, in its mapped file; F32 for types that are not computed with. */
    STORED,
    /** 4 bytes a weight; a copy, arranged for decoding. */
    F32,
    /** 2 bytes a weight, rounded to nearest even; a copy, arranged for decoding, also of what is stored as BF16. */
    BF16,
    /**
     * 1.0625 bytes a weight: groups of 32 along a row, each with a scale in F16, as in GGUF's Q8_0,
     * whose tensors are held without further loss. A matrix whose rows are not whole groups stays as it is stored.
     */
    INT8;

    /** A tensor on a device; norms and biases, which no product reads, are F32 unless STORED. */
    public Buffer held(Device device, Tensor tensor) {
        if (this == STORED) return device.hold(tensor);
        if (tensor.shape().length < 2 || this == F32) return device.hold(tensor, DType.F32);
        if (this == BF16) return device.hold(tensor, DType.BF16);
        long in = tensor.shape()[tensor.shape().length - 1];
        return in % Buffer.GROUP == 0 ? device.hold(tensor, DType.I8) : device.hold(tensor);
    }
}
