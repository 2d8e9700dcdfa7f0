package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.FLOATS;
import static dev.outrider.decode.device.cpu.Lanes.LANES;
import static dev.outrider.decode.device.cpu.Lanes.get;
import static dev.outrider.decode.device.cpu.Lanes.load;
import static dev.outrider.decode.device.cpu.Lanes.set;
import static dev.outrider.decode.device.cpu.Lanes.store;
import static dev.outrider.decode.device.cpu.Lanes.whole;

import dev.outrider.decode.device.AdamWStep;
import jdk.incubator.vector.FloatVector;

/** {@link AdamWStep} in one pass over parameters, gradients and moments. */
record AdamW(AdamWStep step) {
    /** The constants of step t, from 1. */
    static AdamW step(double rate, double beta1, double beta2, double eps, double decay, double scale, long t) {
        return new AdamW(AdamWStep.of(rate, beta1, beta2, eps, decay, scale, t));
    }

    void update(Threads threads, long p, long g, long m, long v, long elements) {
        Elementwise.each(threads, elements, (at, n) -> {
            long offset = 4 * at;
            update(p + offset, g + offset, m + offset, v + offset, n);
        });
    }

    private void update(long p, long g, long m, long v, int n) {
        float keep = (float) step.keep(), first = (float) step.first(), rest = (float) (1 - step.second());
        float second = (float) step.second(), rate = (float) -step.rate(), root = (float) step.root();
        float eps = (float) step.eps(), scale = (float) step.scale();
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
            double gradient = g[i] * step.scale();
            m[i] += step.first() * (gradient - m[i]);
            v[i] = step.second() * v[i] + (1 - step.second()) * gradient * gradient;
            p[i] = p[i] * step.keep() - step.rate() * (m[i] / (Math.sqrt(v[i]) / step.root() + step.eps()));
        }
    }
}
