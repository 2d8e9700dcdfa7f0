package dev.outrider.trainer.layer;

import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.INDArrayIndex;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.ops.transforms.Transforms;

/**
 * Rotary positions (Su et al., 2104.09864) and grouped-query attention, causal or not, in ND4J operations. Rows of
 * qkv are [H·D | G·D | G·D]; query head h reads key/value head h / (H/G).
 */
final class AttentionReference {
    private final int sequences;
    private final int time;
    private final int heads;
    private final int kvHeads;
    private final int headDim;
    private final boolean causal;

    AttentionReference(int sequences, int time, int heads, int kvHeads, int headDim, boolean causal) {
        this.causal = causal;
        this.sequences = sequences;
        this.time = time;
        this.heads = heads;
        this.kvHeads = kvHeads;
        this.headDim = headDim;
    }

    /** Turns queries and keys in place; back again if inverse. */
    void rotate(INDArray qkv, double[] frequencies, boolean inverse) {
        INDArray angle = angles(qkv, frequencies);
        INDArray cos = Transforms.cos(angle), sin = Transforms.sin(angle).muli(inverse ? -1 : 1);
        for (int h = 0; h < heads + kvHeads; h++) {
            INDArray a = columns(qkv, h * headDim, headDim / 2);
            INDArray b = columns(qkv, h * headDim + headDim / 2, headDim / 2);
            INDArray turned = a.mul(cos).subi(b.mul(sin));
            b.assign(b.mul(cos).addi(a.mul(sin)));
            a.assign(turned);
        }
    }

    // Position times frequency per row: [R, D/2].
    private INDArray angles(INDArray qkv, double[] frequencies) {
        INDArray column = Nd4j.create(qkv.dataType(), (long) sequences * time, 1);
        for (int r = 0; r < sequences * time; r++) column.putScalar(r, 0, r % time);
        return column.mmul(
                Nd4j.createFromArray(frequencies).castTo(qkv.dataType()).reshape(1, headDim / 2));
    }

    /** [R, H·D]. */
    INDArray forward(INDArray qkv) {
        INDArray out = Nd4j.create(qkv.dataType(), qkv.rows(), (long) heads * headDim);
        for (int s = 0; s < sequences; s++) {
            for (int h = 0; h < heads; h++) {
                head(out, s, h).assign(weights(qkv, s, h).mmul(head(qkv, s, value(h))));
            }
        }
        return out;
    }

    /** The gradient of qkv. */
    INDArray backward(INDArray dOut, INDArray qkv) {
        INDArray dQkv = Nd4j.create(qkv.dataType(), qkv.shape());
        for (int s = 0; s < sequences; s++) {
            for (int h = 0; h < heads; h++) headBackward(dQkv, dOut, qkv, s, h);
        }
        return dQkv;
    }

    private void headBackward(INDArray dQkv, INDArray dOut, INDArray qkv, int s, int h) {
        INDArray p = weights(qkv, s, h), d = head(dOut, s, h);
        INDArray dp = d.mmul(head(qkv, s, value(h)).transpose());
        INDArray ds = p.mul(dp.subColumnVector(dp.mul(p).sum(true, 1))).muli(scale());
        head(dQkv, s, h).addi(ds.mmul(head(qkv, s, key(h))));
        head(dQkv, s, key(h)).addi(ds.transpose().mmul(head(qkv, s, h)));
        head(dQkv, s, value(h)).addi(p.transpose().mmul(d));
    }

    /** Softmax of the scores, masked if causal, [T, T]. */
    private INDArray weights(INDArray qkv, int s, int h) {
        INDArray scores = head(qkv, s, h).mmul(head(qkv, s, key(h)).transpose()).muli(scale());
        for (int t = 0; causal && t < time - 1; t++) {
            scores.get(NDArrayIndex.point(t), NDArrayIndex.interval(t + 1, time))
                    .assign(-1e30);
        }
        INDArray e = Transforms.exp(scores.subColumnVector(scores.max(true, 1)), false);
        return e.diviColumnVector(e.sum(true, 1));
    }

    private double scale() {
        return 1 / Math.sqrt(headDim);
    }

    private int key(int h) {
        return heads + h / (heads / kvHeads);
    }

    private int value(int h) {
        return key(h) + kvHeads;
    }

    private INDArray head(INDArray rows, int sequence, int slot) {
        INDArrayIndex own = NDArrayIndex.interval((long) sequence * time, (long) (sequence + 1) * time);
        return rows.get(own, NDArrayIndex.interval((long) slot * headDim, (long) (slot + 1) * headDim));
    }

    private static INDArray columns(INDArray rows, int from, int count) {
        return rows.get(NDArrayIndex.all(), NDArrayIndex.interval(from, from + count));
    }
}
