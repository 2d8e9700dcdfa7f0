package dev.outrider.decode.speculate;

/** A drafter for whose guess the greatest probability of its law speaks, in so many steps. */
abstract class GradedDraft extends StepDrafter {
    private static final int KINDS = 20;

    GradedDraft(String name, int vocabulary) {
        super(name, vocabulary);
    }

    /** The greatest probability of the position behind the text, at temperature 1; may read the model. */
    abstract double greatest();

    @Override
    final int kinds() {
        return KINDS;
    }

    @Override
    final int alike() {
        return KINDS;
    }

    @Override
    final int evidence() {
        return Math.min(KINDS - 1, (int) (KINDS * greatest()));
    }

    @Override
    final double confidence(int kind) {
        return (kind + 0.5) / KINDS;
    }
}
