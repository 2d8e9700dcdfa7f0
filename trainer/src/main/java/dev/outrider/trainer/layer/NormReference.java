package dev.outrider.trainer.layer;

import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.ops.transforms.Transforms;

/** RMSNorm (Zhang and Sennrich, 1910.07467) in ND4J operations: y = x / sqrt(mean(x²) + eps) * gain. */
final class NormReference {
    private NormReference() {}

    /** x [R, C], gain [C]. */
    static INDArray forward(INDArray x, INDArray gain, double eps) {
        return x.mulColumnVector(inverse(x, eps)).muliRowVector(row(gain));
    }

    /** Adds the gain's gradient to dGain; the result is dx. */
    static INDArray backward(INDArray dy, INDArray x, INDArray gain, INDArray dGain, double eps) {
        INDArray inverse = inverse(x, eps);
        INDArray n = x.mulColumnVector(inverse);
        dGain.addi(dy.mul(n).sum(0).reshape(dGain.shape()));
        INDArray dn = dy.mulRowVector(row(gain));
        INDArray along = dn.mul(n).mean(true, 1);
        return dn.subi(n.muliColumnVector(along)).muliColumnVector(inverse);
    }

    private static INDArray inverse(INDArray x, double eps) {
        return Transforms.sqrt(x.mul(x).mean(true, 1).addi(eps), false).rdivi(1);
    }

    static INDArray row(INDArray vector) {
        return vector.reshape(1, vector.length());
    }
}
