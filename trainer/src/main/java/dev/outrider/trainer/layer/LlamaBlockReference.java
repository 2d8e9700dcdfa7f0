package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.ModelConfig;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.ops.transforms.Transforms;

/**
 * {@link LlamaBlock} in ND4J operations, in whatever type the arrays have: the oracle of the tests, and
 * what runs where only ND4J does. Everything is kept from the forward pass; gradients are added to.
 */
final class LlamaBlockReference {
    private final ModelConfig config;
    private final Map<String, INDArray> p;
    private AttentionReference attention;
    private INDArray x;
    private INDArray normedX;
    private INDArray qkv;
    private INDArray attended;
    private INDArray h;
    private INDArray normedH;
    private INDArray gate;
    private INDArray up;
    private INDArray product;
    /** What dropout multiplies the attention's and the MLP's output by; null: nothing. */
    private INDArray attentionMask;

    private INDArray mlpMask;

    LlamaBlockReference(ModelConfig config, Map<String, INDArray> parameters) {
        this.config = config;
        p = parameters;
    }

    /** The next passes' dropout, [B·T, C] each. */
    void mask(INDArray attention, INDArray mlp) {
        attentionMask = attention;
        mlpMask = mlp;
    }

    /** x and the result are [B·T, C]. */
    INDArray forward(INDArray x, int sequences, int time) {
        this.x = x;
        attention = new AttentionReference(sequences, time, config.heads(), config.kvHeads(), config.headDim(), true);
        normedX = NormReference.forward(x, p.get(LlamaBlock.ATTENTION_GAIN), config.rmsNormEps());
        qkv = linear(normedX, LlamaBlock.QKV, LlamaBlock.QKV_BIAS);
        attention.rotate(qkv, config.inverseFrequencies(), false);
        attended = attention.forward(qkv);
        h = x.add(masked(linear(attended, LlamaBlock.OUT, LlamaBlock.OUT_BIAS), attentionMask));
        return h.add(masked(mlp(), mlpMask));
    }

    private INDArray mlp() {
        normedH = NormReference.forward(h, p.get(LlamaBlock.MLP_GAIN), config.rmsNormEps());
        INDArray both = linear(normedH, LlamaBlock.GATE_UP, LlamaBlock.GATE_UP_BIAS);
        int width = config.intermediateSize();
        gate = both.get(NDArrayIndex.all(), NDArrayIndex.interval(0, width));
        up = both.get(NDArrayIndex.all(), NDArrayIndex.interval(width, 2L * width));
        product = gate.mul(Transforms.sigmoid(gate)).muli(up);
        return linear(product, LlamaBlock.DOWN, LlamaBlock.DOWN_BIAS);
    }

    /** Adds to the gradients of the last forward pass; the result is dx. */
    INDArray backward(Map<String, INDArray> g, INDArray dy) {
        INDArray dh = dy.add(mlpBackward(g, masked(dy, mlpMask)));
        INDArray dAttended =
                linearBackward(g, masked(dh, attentionMask), attended, LlamaBlock.OUT, LlamaBlock.OUT_BIAS);
        INDArray dQkv = attention.backward(dAttended, qkv);
        attention.rotate(dQkv, config.inverseFrequencies(), true);
        INDArray dNormed = linearBackward(g, dQkv, normedX, LlamaBlock.QKV, LlamaBlock.QKV_BIAS);
        return dh.addi(normBackward(g, dNormed, x, LlamaBlock.ATTENTION_GAIN));
    }

    private INDArray mlpBackward(Map<String, INDArray> g, INDArray dy) {
        INDArray dProduct = linearBackward(g, dy, product, LlamaBlock.DOWN, LlamaBlock.DOWN_BIAS);
        INDArray sigmoid = Transforms.sigmoid(gate);
        // d silu(a) / da = s + a s (1 - s)
        INDArray slope = sigmoid.add(gate.mul(sigmoid).muli(sigmoid.rsub(1)));
        INDArray dGate = dProduct.mul(up).muli(slope);
        INDArray dUp = dProduct.mul(gate).muli(sigmoid);
        INDArray dBoth = Nd4j.concat(1, dGate, dUp);
        INDArray dNormed = linearBackward(g, dBoth, normedH, LlamaBlock.GATE_UP, LlamaBlock.GATE_UP_BIAS);
        return normBackward(g, dNormed, h, LlamaBlock.MLP_GAIN);
    }

    private static INDArray masked(INDArray x, INDArray mask) {
        return mask == null ? x : x.mul(mask);
    }

    private INDArray linear(INDArray in, String weight, String bias) {
        INDArray y = in.mmul(p.get(weight).transpose());
        return p.containsKey(bias) ? y.addiRowVector(NormReference.row(p.get(bias))) : y;
    }

    private INDArray linearBackward(Map<String, INDArray> g, INDArray dy, INDArray in, String weight, String bias) {
        g.get(weight).addi(dy.transpose().mmul(in));
        if (g.containsKey(bias)) g.get(bias).addi(dy.sum(0).reshape(g.get(bias).shape()));
        return dy.mmul(p.get(weight));
    }

    private INDArray normBackward(Map<String, INDArray> g, INDArray dy, INDArray in, String gain) {
        return NormReference.backward(dy, in, p.get(gain), g.get(gain), config.rmsNormEps());
    }
}
