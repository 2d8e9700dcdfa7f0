package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.Gelu;
import dev.outrider.checkpoints.VisionConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.strict.Erf;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.ops.transforms.Transforms;

/** {@link Adapter} in ND4J operations. */
final class AdapterReference {
    private static final double QUICK = 1.702;

    private final VisionConfig config;
    private final Map<String, INDArray> parameters;
    /** By matrix: what it reads, what it gives. */
    private final List<INDArray> read = new ArrayList<>(), given = new ArrayList<>();

    AdapterReference(VisionConfig config, Map<String, INDArray> parameters) {
        this.config = config;
        this.parameters = parameters;
    }

    /** [R, C] of features [R, towerWidth]. */
    INDArray forward(INDArray features) {
        read.clear();
        given.clear();
        INDArray x = features;
        for (int i = 1; i <= config.matrices(); i++) {
            if (i > 1) x = x.mul(slope(x, false));
            read.add(x);
            x = x.mmul(parameters.get(Adapter.weight(i)).transpose());
            if (config.bias()) x = x.addRowVector(parameters.get(Adapter.bias(i)));
            given.add(x);
        }
        return x;
    }

    /** Adds to the gradients. */
    void backward(Map<String, INDArray> g, INDArray dy) {
        INDArray d = dy;
        for (int i = config.matrices(); i >= 1; i--) {
            g.get(Adapter.weight(i)).addi(d.transpose().mmul(read.get(i - 1)));
            if (config.bias()) g.get(Adapter.bias(i)).addi(d.sum(0));
            if (i > 1) d = d.mmul(parameters.get(Adapter.weight(i))).muli(slope(given.get(i - 2), true));
        }
    }

    /** Of the activation: its gradient, or what it multiplies x by. */
    private INDArray slope(INDArray x, boolean gradient) {
        boolean exact = config.activation() == Gelu.EXACT;
        INDArray gate = exact ? normal(x) : Transforms.sigmoid(x.mul(QUICK));
        if (!gradient) return gate;
        INDArray change = exact
                ? Transforms.exp(x.mul(x).muli(-0.5)).muli(1 / Math.sqrt(2 * Math.PI))
                : gate.mul(gate.rsub(1)).muli(QUICK);
        return gate.add(change.muli(x));
    }

    /** Φ, the normal law's distribution. */
    private static INDArray normal(INDArray x) {
        INDArray erf = x.mul(Math.sqrt(0.5));
        Nd4j.getExecutioner().exec(new Erf(erf, erf));
        return erf.addi(1).muli(0.5);
    }
}
