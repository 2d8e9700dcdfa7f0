package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.LANES;
import static dev.outrider.decode.device.cpu.Lanes.ONE;
import static dev.outrider.decode.device.cpu.Lanes.ZERO;
import static dev.outrider.decode.device.cpu.Lanes.all;
import static dev.outrider.decode.device.cpu.Lanes.get;
import static dev.outrider.decode.device.cpu.Lanes.load;
import static dev.outrider.decode.device.cpu.Lanes.set;
import static dev.outrider.decode.device.cpu.Lanes.store;
import static dev.outrider.decode.device.cpu.Lanes.whole;

import dev.outrider.checkpoints.Gelu;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * GELU (Hendrycks and Gimpel, 1606.08415) in its two forms, forward and backward: x·Φ(x), and x·σ(1.702 x). Φ by
 * Abramowitz and Stegun 7.1.26, within 1e-7: for x ≥ 0 Φ(-x) = ½·p(t)·e^(-x²/2), t = 1/(1 + 0.3275911·x/√2).
 *
 * <p>dx = dy·(Φ + x·φ(x)), and dy·(σ + 1.702·x·σ·(1 - σ)). Scalar and vector forms give the same bits.
 */
final class GeluRows {
    private static final float QUICK = 1.702f;
    private static final float P1 = (float) (0.3275911 / Math.sqrt(2)), H1 = 0.254829592f / 2, H2 = -0.284496736f / 2;
    private static final float H3 = 1.421413741f / 2, H4 = -1.453152027f / 2, H5 = 1.061405429f / 2;
    private static final FloatVector P = all(P1), A1 = all(H1), A2 = all(H2), A3 = all(H3), A4 = all(H4), A5 = all(H5);
    private static final float DENSITY = (float) (1 / Math.sqrt(2 * Math.PI));

    private GeluRows() {}

    /** y = gelu(x); y and x may be the same. */
    static void forward(Threads threads, Gelu form, long y, long x, long elements) {
        if (threads.alone(elements)) forward(form, y, x, (int) elements);
        else Elementwise.each(threads, elements, (at, n) -> forward(form, y + 4 * at, x + 4 * at, n));
    }

    private static void forward(Gelu form, long y, long x, int n) {
        if (form == Gelu.QUICK) quickRow(y, x, whole(n));
        else exactRow(y, x, whole(n));
        for (int i = whole(n); i < n; i++) set(y + 4L * i, value(form, get(x + 4L * i)));
    }

    private static float value(Gelu form, float x) {
        return x * (form == Gelu.QUICK ? logistic(x) : normal(x, bell(x)));
    }

    /** dx = dy · gelu'(x); dx and dy may be the same. */
    static void gradient(Threads threads, Gelu form, long dx, long dy, long x, long elements) {
        if (threads.alone(elements)) gradient(form, dx, dy, x, (int) elements);
        else Elementwise.each(threads, elements, (at, n) -> gradient(form, dx + 4 * at, dy + 4 * at, x + 4 * at, n));
    }

    private static void gradient(Gelu form, long dx, long dy, long x, int n) {
        if (form == Gelu.QUICK) quickGradientRow(dx, dy, x, whole(n));
        else exactGradientRow(dx, dy, x, whole(n));
        for (int i = whole(n); i < n; i++) {
            set(dx + 4L * i, slope(form, get(x + 4L * i)) * get(dy + 4L * i));
        }
    }

    private static float slope(Gelu form, float x) {
        float bell = bell(x), s = logistic(x);
        if (form == Gelu.EXACT) return Math.fma(bell * DENSITY, x, normal(x, bell));
        return Math.fma((1 - s) * x * QUICK, s, s);
    }

    private static void quickRow(long y, long x, int n) {
        for (int i = 0; i < n; i += LANES) {
            FloatVector v = load(x + 4L * i);
            store(v.mul(logistic(v)), y + 4L * i);
        }
    }

    private static void exactRow(long y, long x, int n) {
        for (int i = 0; i < n; i += LANES) {
            FloatVector v = load(x + 4L * i);
            store(v.mul(normal(v, bell(v))), y + 4L * i);
        }
    }

    private static void quickGradientRow(long dx, long dy, long x, int n) {
        for (int i = 0; i < n; i += LANES) store(load(dy + 4L * i).mul(quickSlope(load(x + 4L * i))), dx + 4L * i);
    }

    private static void exactGradientRow(long dx, long dy, long x, int n) {
        for (int i = 0; i < n; i += LANES) store(load(dy + 4L * i).mul(exactSlope(load(x + 4L * i))), dx + 4L * i);
    }

    private static FloatVector logistic(FloatVector x) {
        return ONE.div(Lanes.exp(x.mul(-QUICK)).add(ONE));
    }

    private static FloatVector quickSlope(FloatVector x) {
        FloatVector s = logistic(x);
        return ONE.sub(s).mul(x).mul(QUICK).fma(s, s);
    }

    // Φ(x), from e^(-x²/2)
    private static FloatVector normal(FloatVector x, FloatVector bell) {
        FloatVector t = ONE.div(x.abs().fma(P, ONE));
        FloatVector poly = A5.fma(t, A4).fma(t, A3).fma(t, A2).fma(t, A1).mul(t);
        FloatVector tail = poly.mul(bell);
        return tail.blend(ONE.sub(tail), x.compare(VectorOperators.GE, ZERO));
    }

    private static FloatVector exactSlope(FloatVector x) {
        FloatVector bell = bell(x);
        return bell.mul(DENSITY).fma(x, normal(x, bell));
    }

    // e^(-x²/2)
    private static FloatVector bell(FloatVector x) {
        return Lanes.exp(x.mul(x).mul(-0.5f));
    }

    private static float logistic(float x) {
        return 1 / (Lanes.exp(x * -QUICK) + 1);
    }

    private static float normal(float x, float bell) {
        float t = 1 / Math.fma(Math.abs(x), P1, 1), poly = Math.fma(Math.fma(H5, t, H4), t, H3);
        float tail = Math.fma(Math.fma(poly, t, H2), t, H1) * t * bell;
        return x >= 0 ? 1 - tail : tail;
    }

    private static float bell(float x) {
        return Lanes.exp(x * x * -0.5f);
    }
}
