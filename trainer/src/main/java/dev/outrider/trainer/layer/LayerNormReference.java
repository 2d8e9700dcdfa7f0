package dev.outrider.trainer.layer;

import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.ops.transforms.Transforms;

/** LayerNorm (Ba et al., 1607.06450) in ND4J operations: y = (x - mean(x)) / sqrt(var(x) + eps) * gain + bias. */
final class LayerNormReference {
    private LayerNormReference() {}

    /** x [R, C], gain and bias [C]. */
    static INDArray forward(INDArray x, INDArray gain, INDArray bias, double eps) {
        return standard(x, eps).muliRowVector(NormReference.row(gain)).addiRowVector(NormReference.row(bias));
    }

    /** Adds to the gradients of gain and bias; the result is dx. */
    static INDArray backward(INDArray dy, INDArray x, INDArray gain, INDArray dGain, INDArray dBias, double eps) {
        INDArray n = standard(x, eps);
        dGain.addi(dy.mul(n).sum(0).reshape(dGain.shape()));
        dBias.addi(dy.sum(0).reshape(dBias.shape()));
        INDArray dn = dy.mulRowVector(NormReference.row(gain));
        INDArray along = dn.mul(n).mean(true, 1);
        INDArray centred = dn.subColumnVector(dn.mean(true, 1));
        return centred.subi(n.muliColumnVector(along)).muliColumnVector(inverse(centred(x), eps));
    }

    private static INDArray standard(INDArray x, double eps) {
        INDArray centred = centred(x);
        return centred.mulColumnVector(inverse(centred, eps));
    }

    private static INDArray centred(INDArray x) {
        return x.subColumnVector(x.mean(true, 1));
    }

    private static INDArray inverse(INDArray centred, double eps) {
        return Transforms.sqrt(centred.mul(centred).mean(true, 1).addi(eps), false)
                .rdivi(1);
    }
}
