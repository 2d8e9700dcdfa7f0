package dev.outrider.decode.device.cuda.ptx;

import java.math.BigDecimal;

/** Roundings that Java has no operators for. Modes: 1 to zero, 2 down, 3 up. */
final class Rounding {
    private Rounding() {}

    static float sum(float x, float y, int mode) {
        return fma(x, 1, y, mode);
    }

    static float product(float x, float y, int mode) {
        double exact = (double) x * y; // 48 bits
        return directed(exact, 0, mode);
    }

    /** x·y + z, rounded once: the product is exact in double, the sum's error is found (Knuth's two-sum). */
    static float fma(float x, float y, float z, int mode) {
        double p = (double) x * y, s = p + z;
        if (!(Math.abs(s) <= Double.MAX_VALUE)) return (float) s;
        if (s == 0 && (p != 0 || 1 / p != 1 / (double) z)) return mode == 2 ? -0f : 0f;
        double b = s - p, error = p - (s - b) + (z - b);
        return directed(s, error, mode);
    }

    /** s + error, |error| at most half a unit of s's last place. */
    static float directed(double s, double error, int mode) {
        float f = (float) s;
        if (!(Math.abs(s) <= Double.MAX_VALUE) || f == s && error == 0) return f;
        int order = f > s ? 1 : f < s ? -1 : error < 0 ? 1 : -1; // of f against what is exact
        boolean down = mode == 2 || mode == 1 && s > 0;
        if (down) return order > 0 ? Math.nextDown(f) : f;
        return order < 0 ? Math.nextUp(f) : f;
    }

    static float quotient(float x, float y, int mode) {
        double q = (double) x / y;
        if (!(Math.abs(q) <= Double.MAX_VALUE) || q == 0) return (float) q;
        double rest = Math.fma(-q, y, (double) x); // x - q·y, exact
        return directed(q, rest == 0 ? 0 : rest > 0 == y > 0 ? Double.MIN_VALUE : -Double.MIN_VALUE, mode);
    }

    static float root(float x, int mode) {
        double q = Math.sqrt(x);
        if (!(q <= Double.MAX_VALUE) || q == 0) return (float) q;
        double rest = Math.fma(-q, q, (double) x);
        return directed(q, rest == 0 ? 0 : rest > 0 ? Double.MIN_VALUE : -Double.MIN_VALUE, mode);
    }

    static double sum(double x, double y, int mode) {
        return fma(x, 1, y, mode);
    }

    static double fma(double x, double y, double z, int mode) {
        double nearest = Math.fma(x, y, z);
        if (Double.isNaN(nearest) || Double.isInfinite(x) || Double.isInfinite(y) || Double.isInfinite(z))
            return nearest;
        BigDecimal exact = new BigDecimal(x).multiply(new BigDecimal(y)).add(new BigDecimal(z));
        if (exact.signum() == 0) {
            boolean same = z == 0 && x * y == 0 && 1 / (x * y) == 1 / z;
            return same ? nearest : mode == 2 ? -0.0 : 0.0;
        }
        boolean down = mode == 2 || mode == 1 && exact.signum() > 0;
        if (Double.isInfinite(nearest)) return down == nearest > 0 ? Math.copySign(Double.MAX_VALUE, nearest) : nearest;
        int order = new BigDecimal(nearest).compareTo(exact);
        if (down) return order > 0 ? Math.nextDown(nearest) : nearest;
        return order < 0 ? Math.nextUp(nearest) : nearest;
    }

    /** s + error rounded to odd: a later rounding to fewer bits is then as good as one alone (Boldo and Melquiond). */
    static double odd(double s, double error) {
        if (error == 0 || !(Math.abs(s) <= Double.MAX_VALUE) || (Double.doubleToRawLongBits(s) & 1) != 0) return s;
        return error > 0 ? Math.nextUp(s) : Math.nextDown(s);
    }

    /** x·y + z for values whose product is exact in double, rounded to odd. */
    static double oddFma(double x, double y, double z) {
        double p = x * y, s = p + z, b = s - p;
        return odd(s, p - (s - b) + (z - b));
    }
}
