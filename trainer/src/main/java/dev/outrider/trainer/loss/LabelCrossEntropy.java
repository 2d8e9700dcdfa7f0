package dev.outrider.trainer.loss;

/** -log q(label): learns from the words of the target's answers alone, as without a teacher, at a temperature. */
public record LabelCrossEntropy() implements Divergence.PerPosition {
    @Override
    public double value(LawPair x) {
        return -x.q.logs[x.label];
    }

    @Override
    public void gradient(LawPair x, float scale) {
        CrossEntropy.gradient(x.q, x.label, scale);
    }
}
