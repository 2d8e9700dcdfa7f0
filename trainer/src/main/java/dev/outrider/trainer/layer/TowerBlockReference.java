package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.ClipConfig;
import dev.outrider.checkpoints.Gelu;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.ops.transforms.Transforms;

/** {@link TowerBlock} in ND4J operations; everything is kept from the forward pass, gradients are added to. */
final class TowerBlockReference {
    private final ClipConfig config;
    private final Map<String, INDArray> p;
    private AttentionReference attention;
    private INDArray x;
    private INDArray normedX;
    private INDArray qkv;
    private INDArray attended;
    private INDArray h;
    private INDArray normedH;
    private INDArray up;

    TowerBlockReference(ClipConfig config, Map<String, INDArray> parameters) {
        this.config = config;
        p = parameters;
    }

    /** x and the result are [B·T, C]. */
    INDArray forward(INDArray x, int sequences, int time) {
        this.x = x;
        attention = new AttentionReference(sequences, time, config.heads(), config.heads(), config.headDim(), false);
        normedX = norm(x, TowerBlock.ATTENTION_GAIN, TowerBlock.ATTENTION_BIAS);
        qkv = linear(normedX, TowerBlock.QKV, TowerBlock.QKV_BIAS);
        attended = attention.forward(qkv);
        h = x.add(linear(attended, TowerBlock.OUT, TowerBlock.OUT_BIAS));
        normedH = norm(h, TowerBlock.MLP_GAIN, TowerBlock.MLP_BIAS);
        up = linear(normedH, TowerBlock.UP, TowerBlock.UP_BIAS);
        return h.add(linear(gelu(), TowerBlock.DOWN, TowerBlock.DOWN_BIAS));
    }

    /** Adds to the gradients of the last forward pass; the result is dx. */
    INDArray backward(Map<String, INDArray> g, INDArray dy) {
        INDArray dUp = linearBackward(g, dy, gelu(), TowerBlock.DOWN, TowerBlock.DOWN_BIAS)
                .muli(slope());
        INDArray dNormedH = linearBackward(g, dUp, normedH, TowerBlock.UP, TowerBlock.UP_BIAS);
        INDArray dh = dy.add(normBackward(g, dNormedH, h, TowerBlock.MLP_GAIN, TowerBlock.MLP_BIAS));
        INDArray dAttended = linearBackward(g, dh, attended, TowerBlock.OUT, TowerBlock.OUT_BIAS);
        INDArray dQkv = attention.backward(dAttended, qkv);
        INDArray dNormedX = linearBackward(g, dQkv, normedX, TowerBlock.QKV, TowerBlock.QKV_BIAS);
        return dh.addi(normBackward(g, dNormedX, x, TowerBlock.ATTENTION_GAIN, TowerBlock.ATTENTION_BIAS));
    }

    private INDArray gelu() {
        return up.mul(gate());
    }

    // What x is multiplied by: σ(1.702 x), or Φ(x).
    private INDArray gate() {
        if (config.activation() == Gelu.QUICK) return Transforms.sigmoid(up.mul(1.702));
        return Nd4j.math().erf(up.div(Math.sqrt(2))).addi(1).divi(2);
    }

    // Gate and x times its slope: 1.702 σ (1 - σ), or φ(x).
    private INDArray slope() {
        INDArray gate = gate();
        if (config.activation() == Gelu.QUICK) {
            return gate.add(gate.rsub(1).muli(gate).muli(up).muli(1.702));
        }
        INDArray density = Transforms.exp(up.mul(up).divi(-2), false).divi(Math.sqrt(2 * Math.PI));
        return gate.add(density.muli(up));
    }

    private INDArray linear(INDArray in, String weight, String bias) {
        return in.mmul(p.get(weight).transpose()).addiRowVector(NormReference.row(p.get(bias)));
    }

    private INDArray linearBackward(Map<String, INDArray> g, INDArray dy, INDArray in, String weight, String bias) {
        g.get(weight).addi(dy.transpose().mmul(in));
        g.get(bias).addi(dy.sum(0).reshape(g.get(bias).shape()));
        return dy.mmul(p.get(weight));
    }

    private INDArray norm(INDArray in, String gain, String bias) {
        return LayerNormReference.forward(in, p.get(gain), p.get(bias), config.layerNormEps());
    }

    private INDArray normBackward(Map<String, INDArray> g, INDArray dy, INDArray in, String gain, String bias) {
        return LayerNormReference.backward(dy, in, p.get(gain), g.get(gain), g.get(bias), config.layerNormEps());
    }
}
