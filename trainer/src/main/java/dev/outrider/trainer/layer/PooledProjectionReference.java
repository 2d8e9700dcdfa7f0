package dev.outrider.trainer.layer;

import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** {@link PooledProjection} in ND4J operations. */
final class PooledProjectionReference {
    private final Map<String, INDArray> p;
    private final double eps;
    private int[] rows;
    private long all;
    private INDArray pooled;
    private INDArray normed;

    PooledProjectionReference(Map<String, INDArray> parameters, double eps) {
        p = parameters;
        this.eps = eps;
    }

    /**
     * @param x [B·T, C]
     * @param rows which of them are read, one of each sequence
     * @return [B, E]
     */
    INDArray forward(INDArray x, int[] rows) {
        this.rows = rows;
        all = x.size(0);
        pooled = Nd4j.pullRows(x, 1, rows);
        normed = LayerNormReference.forward(pooled, p.get(PooledProjection.GAIN), p.get(PooledProjection.BIAS), eps);
        return normed.mmul(p.get(PooledProjection.WEIGHT).transpose());
    }

    /** Adds to the gradients; the result is dx. */
    INDArray backward(Map<String, INDArray> g, INDArray dy) {
        g.get(PooledProjection.WEIGHT).addi(dy.transpose().mmul(normed));
        INDArray d = LayerNormReference.backward(
                dy.mmul(p.get(PooledProjection.WEIGHT)),
                pooled,
                p.get(PooledProjection.GAIN),
                g.get(PooledProjection.GAIN),
                g.get(PooledProjection.BIAS),
                eps);
        INDArray dx = Nd4j.zeros(d.dataType(), all, d.size(1));
        for (int i = 0; i < rows.length; i++) dx.putRow(rows[i], d.getRow(i));
        return dx;
    }
}
