package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.LANES;
import static dev.outrider.decode.device.cpu.Lanes.ONE;
import static dev.outrider.decode.device.cpu.Lanes.ZERO;
import static dev.outrider.decode.device.cpu.Lanes.get;
import static dev.outrider.decode.device.cpu.Lanes.load;
import static dev.outrider.decode.device.cpu.Lanes.set;
import static dev.outrider.decode.device.cpu.Lanes.store;
import static dev.outrider.decode.device.cpu.Lanes.whole;

import jdk.incubator.vector.FloatVector;

/**
 * The gate of LLaMA's feed-forward (Shazeer, 2002.05202): y = g·σ(g)·u.
 * Backward, with σ = σ(g): du = g·σ·dy and dg = σ·(1 + g·(1 - σ))·u·dy.
 */
final class SwiGlu {
    private SwiGlu() {}

    static void forward(Threads threads, long y, long gate, long up, int rows, int stride, int width) {
        if (threads.alone((long) rows * width)) rows(y, gate, up, 0, rows, stride, width);
        else threads.split(rows, (from, to) -> rows(y, gate, up, from, to, stride, width));
    }

    static void gradient(
            Threads threads, long dgate, long dup, long dy, long gate, long up, int rows, int stride, int width) {
        if (threads.alone((long) rows * width)) rowGradients(dgate, dup, dy, gate, up, 0, rows, stride, width);
        else threads.split(rows, (from, to) -> rowGradients(dgate, dup, dy, gate, up, from, to, stride, width));
    }

    private static void rows(long y, long gate, long up, int from, int to, int stride, int width) {
        for (int r = from; r < to; r++) {
            long at = 4L * r * stride;
            forwardRow(y + 4L * r * width, gate + at, up + at, width);
        }
    }

    private static void rowGradients(
            long dgate, long dup, long dy, long gate, long up, int from, int to, int stride, int width) {
        for (int r = from; r < to; r++) {
            long at = 4L * r * stride;
            gradientRow(dgate + at, dup + at, dy + 4L * r * width, gate + at, up + at, width);
        }
    }

    private static void forwardRow(long y, long gate, long up, int n) {
        int whole = whole(n);
        for (int i = 0; i < whole; i += LANES) {
            FloatVector g = load(gate + 4L * i);
            store(g.mul(sigmoid(g)).mul(load(up + 4L * i)), y + 4L * i);
        }
        for (int i = whole; i < n; i++) {
            float g = get(gate + 4L * i);
            set(y + 4L * i, g * sigmoid(g) * get(up + 4L * i));
        }
    }

    private static void gradientRow(long dgate, long dup, long dy, long gate, long up, int n) {
        int whole = whole(n);
        for (int i = 0; i < whole; i += LANES) {
            FloatVector g = load(gate + 4L * i), d = load(dy + 4L * i), s = sigmoid(g);
            FloatVector slope = g.mul(ONE.sub(s)).add(ONE).mul(s);
            store(slope.mul(load(up + 4L * i)).mul(d), dgate + 4L * i);
            store(g.mul(s).mul(d), dup + 4L * i);
        }
        for (int i = whole; i < n; i++)
            pairGradient(dgate + 4L * i, dup + 4L * i, dy + 4L * i, gate + 4L * i, up + 4L * i);
    }

    private static void pairGradient(long dgate, long dup, long dy, long gate, long up) {
        float g = get(gate), d = get(dy), s = sigmoid(g), u = get(up);
        set(dgate, (g * (1 - s) + 1) * s * u * d);
        set(dup, g * s * d);
    }

    private static FloatVector sigmoid(FloatVector x) {
        return ONE.div(Lanes.exp(ZERO.sub(x)).add(ONE));
    }

    private static float sigmoid(float x) {
        return 1f / (Lanes.exp(-x) + 1f);
    }

    /** The scalar twin of {@link #forward}, for one pair, in double. */
    static double scalar(double gate, double up) {
        return gate / (1 + Math.exp(-gate)) * up;
    }

    /** The scalar twin of {@link #gradient}, for one pair: dgate, dup. */
    static double[] scalarGradient(double dy, double gate, double up) {
        double s = 1 / (1 + Math.exp(-gate));
        return new double[] {s * (1 + gate * (1 - s)) * up * dy, gate * s * dy};
    }
}
