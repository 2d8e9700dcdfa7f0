package dev.outrider.decode.device.cuda;

import dev.outrider.checkpoints.DType;

/**
 * Shape of a row-major product y[m, n] = alpha · op(a)[m, k] · op(b)[k, n] + beta · y, once or for a batch of matrices at
 * equal distances.
 *
 * @param type of a and b: F32, BF16 or F16; y is F32, and so is the accumulation
 * @param transposeA whether a is stored as [k, m]
 * @param transposeB whether b is stored as [n, k]
 * @param lda elements from a row of a, as stored, to the next; ldb and ldy likewise
 * @param batch products
 * @param strideA elements from a matrix of a to the next; 0 for the same one; not used when batch is 1
 */
public record BlasShape(
        DType type,
        boolean transposeA,
        boolean transposeB,
        int m,
        int n,
        int k,
        int lda,
        int ldb,
        int ldy,
        int batch,
        long strideA,
        long strideB,
        long strideY) {
    public BlasShape {
        if (type != DType.F32 && type != DType.BF16 && type != DType.F16)
            throw new IllegalArgumentException("products of " + type);
        if (m < 1 || n < 1 || k < 1 || batch < 1)
            throw new IllegalArgumentException(batch + " products of " + m + " x " + k + " x " + n);
        if (lda < (transposeA ? m : k) || ldb < (transposeB ? k : n) || ldy < n)
            throw new IllegalArgumentException("rows of " + lda + ", " + ldb + " and " + ldy + " overlap");
    }

    /** One product of matrices whose rows follow each other without gaps. */
    public static BlasShape of(DType type, boolean transposeA, boolean transposeB, int m, int n, int k) {
        return new BlasShape(
                type, transposeA, transposeB, m, n, k, transposeA ? m : k, transposeB ? k : n, n, 1, 0, 0, 0);
    }
}
