package dev.outrider.trainer.clip;

/** {@link ContrastiveLoss} by its definition, in double, a logit after the other. */
final class ContrastiveLossReference {
    private ContrastiveLossReference() {}

    /** @param pictures [B, E], as captions; of any length */
    static double of(double[] pictures, double[] captions, PairBatch batch, int width, double logScale) {
        int size = batch.size();
        double sum = 0;
        for (int i = 0; i < size; i++) {
            double rows = 0, columns = 0;
            for (int j = 0; j < size; j++) {
                if (i != j && batch.alike(i, j)) continue;
                rows += Math.exp(logit(pictures, i, captions, j, width, logScale));
                columns += Math.exp(logit(pictures, j, captions, i, width, logScale));
            }
            double own = logit(pictures, i, captions, i, width, logScale);
            sum += Math.log(rows) - own + Math.log(columns) - own;
        }
        return sum / (2 * size);
    }

    static double logit(double[] pictures, int i, double[] captions, int j, int width, double logScale) {
        double product = 0, a = 0, b = 0;
        for (int k = 0; k < width; k++) {
            double x = pictures[i * width + k], y = captions[j * width + k];
            product += x * y;
            a += x * x;
            b += y * y;
        }
        return Math.exp(logScale) * product / Math.sqrt(a * b);
    }
}
