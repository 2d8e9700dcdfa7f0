package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.FLOATS;
import static dev.outrider.decode.device.cpu.Lanes.LANES;
import static dev.outrider.decode.device.cpu.Lanes.get;
import static dev.outrider.decode.device.cpu.Lanes.load;
import static dev.outrider.decode.device.cpu.Lanes.set;
import static dev.outrider.decode.device.cpu.Lanes.store;
import static dev.outrider.decode.device.cpu.Lanes.sum;
import static dev.outrider.decode.device.cpu.Lanes.whole;

import jdk.incubator.vector.FloatVector;

/**
 * RMSNorm (Zhang and Sennrich, 1910.07467): y = s·x·gain, s = 1/√(mean(x²) + eps), row by row.
 *
 * <p>Backward, with n channels: dx += s·gain·dy - x·s³/n · Σ gain·dy·x and dgain += Σ over rows of s·x·dy.
 * The first is cut by rows and keeps s, the second by columns.
 */
final class Norm {
    private Norm() {}

    static void forward(Threads threads, long y, long x, long gain, int rows, int channels, float eps) {
        if (threads.alone((long) rows * channels)) rows(y, x, gain, 0, rows, channels, eps);
        else threads.split(rows, (from, to) -> rows(y, x, gain, from, to, channels, eps));
    }

    /** @param scales room for a float per row */
    static void gradient(
            Threads threads,
            long dx,
            long dgain,
            long dy,
            long x,
            long gain,
            long scales,
            int rows,
            int channels,
            float eps) {
        if (threads.alone((long) rows * channels)) {
            rowGradients(dx, dy, x, gain, scales, 0, rows, channels, eps);
            gainGradients(dgain, dy, x, scales, rows, 0, channels, channels);
        } else {
            threads.split(rows, (from, to) -> rowGradients(dx, dy, x, gain, scales, from, to, channels, eps));
            threads.split(channels, (from, to) -> gainGradients(dgain, dy, x, scales, rows, from, to, channels));
        }
    }

    private static void rows(long y, long x, long gain, int from, int to, int channels, float eps) {
        for (int r = from; r < to; r++) {
            long at = 4L * r * channels;
            scaledRow(y + at, x + at, gain, scale(x + at, channels, eps), channels);
        }
    }

    private static void rowGradients(
            long dx, long dy, long x, long gain, long scales, int from, int to, int channels, float eps) {
        for (int r = from; r < to; r++) {
            long at = 4L * r * channels;
            float scale = scale(x + at, channels, eps);
            float inner = productRow(dy + at, x + at, gain, channels);
            set(scales + 4L * r, scale);
            gradientRow(dx + at, dy + at, x + at, gain, scale, -inner / channels * scale * scale * scale, channels);
        }
    }

    private static float scale(long x, int channels, float eps) {
        return (float) (1 / Math.sqrt((double) squaresRow(x, channels) / channels + eps));
    }

    private static float squaresRow(long x, int n) {
        FloatVector a = FloatVector.zero(FLOATS), b = a;
        int whole = whole(n), pairs = whole / (2 * LANES) * (2 * LANES);
        for (int i = 0; i < pairs; i += 2 * LANES) {
            FloatVector u = load(x + 4L * i), v = load(x + 4L * (i + LANES));
            a = u.fma(u, a);
            b = v.fma(v, b);
        }
        if (pairs < whole) a = load(x + 4L * pairs).fma(load(x + 4L * pairs), a);
        float sum = sum(a.add(b));
        for (int i = whole; i < n; i++) sum = Math.fma(get(x + 4L * i), get(x + 4L * i), sum);
        return sum;
    }

    private static void scaledRow(long y, long x, long gain, float scale, int n) {
        int whole = whole(n);
        for (int i = 0; i < whole; i += LANES) {
            store(load(x + 4L * i).mul(scale).mul(load(gain + 4L * i)), y + 4L * i);
        }
        for (int i = whole; i < n; i++) set(y + 4L * i, get(x + 4L * i) * scale * get(gain + 4L * i));
    }

    private static float productRow(long dy, long x, long gain, int n) {
        FloatVector a = FloatVector.zero(FLOATS);
        int whole = whole(n);
        for (int i = 0; i < whole; i += LANES) {
            a = load(dy + 4L * i).mul(load(gain + 4L * i)).fma(load(x + 4L * i), a);
        }
        float sum = sum(a);
        for (int i = whole; i < n; i++) {
            sum = Math.fma(get(dy + 4L * i) * get(gain + 4L * i), get(x + 4L * i), sum);
        }
        return sum;
    }

    // dx += scale·gain·dy + pull·x
    private static void gradientRow(long dx, long dy, long x, long gain, float scale, float pull, int n) {
        FloatVector pulls = FloatVector.broadcast(FLOATS, pull);
        int whole = whole(n);
        for (int i = 0; i < whole; i += LANES) {
            FloatVector pushed = load(dy + 4L * i).mul(load(gain + 4L * i)).mul(scale);
            store(load(dx + 4L * i).add(load(x + 4L * i).fma(pulls, pushed)), dx + 4L * i);
        }
        for (int i = whole; i < n; i++) {
            float pushed = get(dy + 4L * i) * get(gain + 4L * i) * scale;
            set(dx + 4L * i, get(dx + 4L * i) + Math.fma(get(x + 4L * i), pull, pushed));
        }
    }

    // Columns from .. to - 1, row after row.
    private static void gainGradients(
            long dgain, long dy, long x, long scales, int rows, int from, int to, int channels) {
        for (int r = 0; r < rows; r++) {
            long at = 4 * ((long) r * channels + from);
            gainRow(dgain + 4L * from, dy + at, x + at, get(scales + 4L * r), to - from);
        }
    }

    private static void gainRow(long dgain, long dy, long x, float scale, int n) {
        int whole = whole(n);
        for (int i = 0; i < whole; i += LANES) {
            store(load(x + 4L * i).mul(scale).fma(load(dy + 4L * i), load(dgain + 4L * i)), dgain + 4L * i);
        }
        for (int i = whole; i < n; i++) {
            set(dgain + 4L * i, Math.fma(get(x + 4L * i) * scale, get(dy + 4L * i), get(dgain + 4L * i)));
        }
    }

    /** The scalar twin of {@link #forward}, in double. */
    static double[] scalar(double[] x, double[] gain, double eps) {
        int n = gain.length;
        double[] y = new double[x.length];
        for (int r = 0; r < x.length / n; r++) {
            double scale = scalarScale(x, r, n, eps);
            for (int i = 0; i < n; i++) y[r * n + i] = x[r * n + i] * scale * gain[i];
        }
        return y;
    }

    /** The scalar twin of {@link #gradient}: adds to dx and dgain, in double. */
    static void scalarGradient(double[] dx, double[] dgain, double[] dy, double[] x, double[] gain, double eps) {
        int n = gain.length;
        for (int r = 0; r < x.length / n; r++) {
            double s = scalarScale(x, r, n, eps), inner = 0;
            for (int i = 0; i < n; i++) inner += gain[i] * dy[r * n + i] * x[r * n + i];
            for (int i = 0; i < n; i++) {
                int at = r * n + i;
                dx[at] += s * gain[i] * dy[at] - x[at] * s * s * s / n * inner;
                dgain[i] += s * x[at] * dy[at];
            }
        }
    }

    private static double scalarScale(double[] x, int row, int n, double eps) {
        double sum = 0;
        for (int i = 0; i < n; i++) sum += x[row * n + i] * x[row * n + i];
        return 1 / Math.sqrt(sum / n + eps);
    }
}
