package dev.outrider.trainer.layer;

import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** {@link TokenEmbedding} in ND4J operations. */
final class TokenEmbeddingReference {
    private int[] ids;

    /** [R, C]. */
    INDArray forward(Map<String, INDArray> p, int[] ids) {
        this.ids = ids;
        return Nd4j.pullRows(p.get(TokenEmbedding.TABLE), 1, ids);
    }

    /** Adds to the table's gradient. */
    void backward(Map<String, INDArray> g, INDArray dy) {
        INDArray table = g.get(TokenEmbedding.TABLE);
        for (int r = 0; r < ids.length; r++) table.getRow(ids[r]).addi(dy.getRow(r));
    }
}
