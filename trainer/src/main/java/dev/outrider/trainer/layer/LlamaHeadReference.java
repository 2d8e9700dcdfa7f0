package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.ModelConfig;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;

/** {@link LlamaHead} in ND4J operations, all rows at once; the loss is the caller's. */
final class LlamaHeadReference {
    private final ModelConfig config;
    private final INDArray gain;
    private final INDArray weight;
    private INDArray x;
    private INDArray normed;

    /** @param weight [V, C]: the head's own, or the embedding's table */
    LlamaHeadReference(ModelConfig config, Map<String, INDArray> parameters, INDArray weight) {
        this.config = config;
        gain = parameters.get(LlamaHead.GAIN);
        this.weight = weight;
    }

    /** Logits [R, V]. */
    INDArray forward(INDArray x) {
        this.x = x;
        normed = NormReference.forward(x, gain, config.rmsNormEps());
        return normed.mmul(weight.transpose());
    }

    /** Adds to both gradients; the result is dx. */
    INDArray backward(Map<String, INDArray> g, INDArray dWeight, INDArray dLogits) {
        dWeight.addi(dLogits.transpose().mmul(normed));
        return NormReference.backward(dLogits.mmul(weight), x, gain, g.get(LlamaHead.GAIN), config.rmsNormEps());
    }
}
