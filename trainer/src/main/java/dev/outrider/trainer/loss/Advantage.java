package dev.outrider.trainer.loss;

/**
 * μ and σ of the reward r = 1{p > q} under q over a set of positions of equal weight. Because r² = r, the
 * variance Σ q (r - μ)² is μ (1 - μ); 1 - μ is summed on its own, since it would be lost in μ near 1.
 */
final class Advantage {
    private double rewarded;
    private double others;
    private long positions;

    void clear() {
        rewarded = 0;
        others = 0;
        positions = 0;
    }

    /** One position: the mass of q where p > q, and the rest. */
    void add(double rewarded, double others) {
        this.rewarded += rewarded;
        this.others += others;
        positions++;
    }

    void add(Advantage other) {
        rewarded += other.rewarded;
        others += other.others;
        positions += other.positions;
    }

    double mean() {
        return rewarded / positions;
    }

    /** 1 - μ. */
    double complement() {
        return others / positions;
    }

    double deviation() {
        return Math.sqrt(mean() * complement());
    }

    /** 1/σ; 0 where σ is 0, for then there is no gradient; 1 without positions. */
    double inverseDeviation() {
        if (positions == 0) return 1;
        double deviation = deviation();
        return deviation == 0 ? 0 : 1 / deviation;
    }
}
