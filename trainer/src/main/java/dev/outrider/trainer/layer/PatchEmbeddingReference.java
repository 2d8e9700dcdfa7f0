package dev.outrider.trainer.layer;

import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** {@link PatchEmbedding} in ND4J operations, a picture after the other. */
final class PatchEmbeddingReference {
    private final Map<String, INDArray> p;
    private final double eps;
    private INDArray patches;
    private INDArray embedded;

    PatchEmbeddingReference(Map<String, INDArray> parameters, double eps) {
        p = parameters;
        this.eps = eps;
    }

    private int picture() {
        return (int) p.get(PatchEmbedding.POSITIONS).size(0) - 1;
    }

    /**
     * @param patches [B·P, 3·p·p], without rows of zeros
     * @return [B·(P + 1), C]
     */
    INDArray forward(INDArray patches) {
        this.patches = patches;
        INDArray rows = patches.mmul(p.get(PatchEmbedding.PATCHES).transpose());
        int count = picture();
        INDArray[] pictures = new INDArray[(int) rows.size(0) / count];
        for (int b = 0; b < pictures.length; b++) {
            INDArray own =
                    rows.get(NDArrayIndex.interval((long) b * count, (long) (b + 1) * count), NDArrayIndex.all());
            pictures[b] = Nd4j.concat(0, p.get(PatchEmbedding.CLASS), own).addi(p.get(PatchEmbedding.POSITIONS));
        }
        embedded = Nd4j.concat(0, pictures);
        return LayerNormReference.forward(embedded, p.get(PatchEmbedding.GAIN), p.get(PatchEmbedding.BIAS), eps);
    }

    /** Adds to the gradients. */
    void backward(Map<String, INDArray> g, INDArray dy) {
        INDArray de = LayerNormReference.backward(
                dy, embedded, p.get(PatchEmbedding.GAIN), g.get(PatchEmbedding.GAIN), g.get(PatchEmbedding.BIAS), eps);
        int tokens = picture() + 1;
        for (int first = 0; first < de.size(0); first += tokens) {
            INDArray own = de.get(NDArrayIndex.interval(first, first + tokens), NDArrayIndex.all());
            g.get(PatchEmbedding.POSITIONS).addi(own);
            g.get(PatchEmbedding.CLASS).addi(own.get(NDArrayIndex.interval(0, 1), NDArrayIndex.all()));
            INDArray seen = patches.get(
                    NDArrayIndex.interval(first / tokens * picture(), (first / tokens + 1) * picture()),
                    NDArrayIndex.all());
            INDArray d = own.get(NDArrayIndex.interval(1, tokens), NDArrayIndex.all());
            g.get(PatchEmbedding.PATCHES).addi(d.transpose().mmul(seen));
        }
    }
}
