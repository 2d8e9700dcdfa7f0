package dev.outrider.decode.device.cpu;

import java.util.function.ToDoubleFunction;

/** Central differences of a scalar function of an array, in double. */
final class Differences {
    private Differences() {}

    static double[] of(ToDoubleFunction<double[]> f, double[] x) {
        double[] gradient = new double[x.length], moved = x.clone();
        for (int i = 0; i < x.length; i++) {
            double h = 1e-5 * Math.max(1, Math.abs(x[i]));
            moved[i] = x[i] + h;
            double above = f.applyAsDouble(moved);
            moved[i] = x[i] - h;
            gradient[i] = (above - f.applyAsDouble(moved)) / (2 * h);
            moved[i] = x[i];
        }
        return gradient;
    }

    static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) sum += a[i] * b[i];
        return sum;
    }
}
