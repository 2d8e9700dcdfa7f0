package dev.outrider.trainer.optim;

/**
 * The learning rate of step i = 0, 1, ..: it rises in a straight line from 0 over {@code warmup} steps,
 * then falls to {@code floor · base} at step {@code total}. As transformers' get_*_schedule_with_warmup:
 * step 0 of a schedule with warm-up has rate 0, and the last step made, total - 1, still has one above
 * the floor.
 *
 * @param base rate after the warm-up
 * @param warmup steps, 0 for none; at most total
 * @param total steps of the whole training; 0 for a model that stays as it begins
 * @param floor the least rate after the warm-up, as a share of base, in [0, 1]
 */
public record Schedule(Shape shape, double base, long warmup, long total, double floor) {
    /** How the rate falls after the warm-up. */
    public enum Shape {
        LINEAR,
        /** Half a cosine. */
        COSINE,
        CONSTANT
    }

    public Schedule {
        if (!(base >= 0) || warmup < 0 || total < 0 || !(floor >= 0 && floor <= 1)) {
            throw new IllegalArgumentException(
                    "rate " + base + ", warm-up " + warmup + " of " + total + " steps, floor " + floor);
        }
    }

    public static Schedule linear(double base, long warmup, long total) {
        return new Schedule(Shape.LINEAR, base, warmup, total, 0);
    }

    public static Schedule cosine(double base, long warmup, long total) {
        return new Schedule(Shape.COSINE, base, warmup, total, 0);
    }

    /** The rate of a step, counted from 0. */
    public double rate(long step) {
        return base * (step < warmup ? (double) step / warmup : floor + (1 - floor) * fall(step));
    }

    // From 1 at the end of the warm-up to 0 at total, where it stays.
    private double fall(long step) {
        double progress = Math.min(1, (double) (step - warmup) / Math.max(1, total - warmup));
        return switch (shape) {
            case LINEAR -> 1 - progress;
            case COSINE -> 0.5 * (1 + Math.cos(Math.PI * progress));
            case CONSTANT -> 1;
        };
    }
}
