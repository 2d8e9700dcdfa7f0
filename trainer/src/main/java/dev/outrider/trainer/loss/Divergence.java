package dev.outrider.trainer.loss;

/**
 * How far the draft's law q is from the target's p, as a loss: one of the {@link PerPosition} ones, or one
 * after another ({@link Warmup}). Gradients are with respect to z, the draft's logits divided by the
 * temperature; whatever q's derivative f(x) = dL/dq(x) is, that is dL/dz(x) = q(x) (f(x) - Σ q f).
 */
public sealed interface Divergence {
    /** The loss in force in an optimiser step, counted from 0. */
    PerPosition at(long step);

    /** A loss of one position. */
    sealed interface PerPosition extends Divergence
            permits ForwardKl,
                    ReverseKl,
                    JensenShannon,
                    TotalVariation,
                    TotalVariationPlus,
                    AcceptanceHybrid,
                    LabelCrossEntropy {
        @Override
        default PerPosition at(long step) {
            return this;
        }

        /** The loss, in nats or probability. May write over p's arrays what the gradient needs. */
        double value(LawPair x);

        /** After value: writes scale · dL/dz over q's probabilities. */
        void gradient(LawPair x, float scale);

        /** Over which positions the gradient is normalised. */
        default Scope scope() {
            return Scope.POSITION;
        }
    }

    /**
     * First one loss, from step {@code steps} on another: a hard switch, so that each part is the pure
     * loss. TVD and TVD++ hardly move a draft that does not overlap with the target yet; some steps of KL
     * bring it there.
     */
    record Warmup(Divergence first, Divergence then, long steps) implements Divergence {
        @Override
        public PerPosition at(long step) {
            return step < steps ? first.at(step) : then.at(step);
        }
    }

    /** A set of positions that share one mean and deviation. */
    enum Scope {
        POSITION,
        /** The counted positions of a sequence. */
        SEQUENCE,
        /** The counted positions of an optimiser step, whatever its micro-batches. */
        BATCH
    }
}
