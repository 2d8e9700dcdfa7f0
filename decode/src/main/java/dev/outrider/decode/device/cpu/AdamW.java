package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.FLOATS;
import static dev.outrider.decode.device.cpu.Lanes.LANES;
import static dev.outrider.decode.device.cpu.Lanes.get;
import static dev.outrider.decode.device.cpu.Lanes.load;
import static dev.outrider.decode.device.cpu.Lanes.set;
import static dev.outrider.decode.device.cpu.Lanes.store;
import static dev.outrider.decode.device.cpu.Lanes.whole;

import jdk.incubator.vector.FloatVector;

/**
 * AdamW (Loshchilov and Hutter, 1711.05101) with decoupled decay, in one pass over parameters, gradients
 * and moments, in PyTorch's order: p *= 1 - rate·decay; m += (1 - β1)(g - m); v = β2·v + (1 - β2)g²;
 * p -= rate/(1 - β1^t) · m / (√v/√(1 - β2^t) + eps), g being scaled first.
 *
 * @param keep 1 - rate·decay
 * @param first 1 - β1
 * @param second β2
 * @param rate rate/(1 - β1^t)
 * @param root √(1 - β2^t)
 * @param scale of the gradient
 */
record AdamW(double keep, double first, double second, double rate, double root, double eps, double scale) {
    /** The constants of step t, from 1. */
    static AdamW step(double rate, double beta1, double beta2, double eps, double decay, double scale, long t) {
        if (t < 1) throw new IllegalArgumentException("step " + t + "; steps count from 1");
        double corrected = rate / (1 - Math.pow(beta1, t)), root = Math.sqrt(1 - Math.pow(beta2, t));
        return new AdamW(1 - rate * decay, 1 - beta1, beta2, corrected, root, eps, scale);
    }

    void update(Threads threads, long p, long g, long m, long v, long elements) {
        Elementwise.each(threads, elements, (at, n) -> {
            long offset = 4 * at;
            update(p + offset, g + offset, m + offset, v + offset, n);
        });
    }

    private void update(long p, long g, long m, long v, int n) {
        float keep = (float) this.keep, first = (float) this.first, rest = (float) (1 - second);
        float second = (float) this.second, rate = (float) -this.rate, root = (float) this.root;
        float eps = (float) this.eps, scale = (float) this.scale;
        int whole = whole(n);
        wholeRow(p, g, m, v, whole, keep, first, second, rest, rate, root, eps, scale);
        for (int i = whole; i < n; i++) {
            long at = 4L * i;
            one(p + at, g + at, m + at, v + at, keep, first, second, rest, rate, root, eps, scale);
        }
    }

    private static void wholeRow(
            long p,
            long g,
            long m,
            long v,
            int n,
            float keep,
            float first,
            float second,
            float rest,
            float rate,
            float root,
            float eps,
            float scale) {
        FloatVector firsts = FloatVector.broadcast(FLOATS, first);
        for (int i = 0; i < n; i += LANES) {
            long at = 4L * i;
            FloatVector gradient = load(g + at).mul(scale), mean = load(m + at);
            mean = gradient.sub(mean).fma(firsts, mean);
            FloatVector square = load(v + at).mul(second).add(gradient.mul(rest).mul(gradient));
            FloatVector below = square.sqrt().div(root).add(eps);
            store(mean, m + at);
            store(square, v + at);
            store(load(p + at).mul(keep).add(mean.mul(rate).div(below)), p + at);
        }
    }

    private static void one(
            long p,
            long g,
            long m,
            long v,
            float keep,
            float first,
            float second,
            float rest,
            float rate,
            float root,
            float eps,
            float scale) {
        float gradient = get(g) * scale, mean = Math.fma(gradient - get(m), first, get(m));
        float square = get(v) * second + gradient * rest * gradient;
        float below = (float) Math.sqrt(square) / root + eps;
        set(m, mean);
        set(v, square);
        set(p, get(p) * keep + mean * rate / below);
    }

    /** The scalar twin, in double, on arrays. */
    void scalar(double[] p, double[] g, double[] m, double[] v) {
        for (int i = 0; i < p.length; i++) {
            double gradient = g[i] * scale;
            m[i] += first * (gradient - m[i]);
            v[i] = second * v[i] + (1 - second) * gradient * gradient;
            p[i] = p[i] * keep - rate * (m[i] / (Math.sqrt(v[i]) / root + eps));
        }
    }
}
