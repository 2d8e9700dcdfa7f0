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
 * LayerNorm (Ba et al., 1607.06450): y = x̂·gain + bias, x̂ = (x - μ)·s, s = 1/√(var(x) + eps), row by row.
 *
 * <p>Backward, with g = gain·dy and n channels: dx += s·(g - Σg/n - x̂·Σ(g·x̂)/n), dgain += Σ over rows of x̂·dy,
 * dbias += Σ over rows of dy. The first is cut by rows and keeps μ and s, the others by columns.
 */
final class LayerNorm {
    private LayerNorm() {}

    static void forward(Threads threads, long y, long x, long gain, long bias, int rows, int channels, float eps) {
        if (threads.alone((long) rows * channels)) rows(y, x, gain, bias, 0, rows, channels, eps);
        else threads.split(rows, (from, to) -> rows(y, x, gain, bias, from, to, channels, eps));
    }

    private static void rows(long y, long x, long gain, long bias, int from, int to, int channels, float eps) {
        for (int r = from; r < to; r++) {
            long at = 4L * r * channels;
            float mean = sumRow(x + at, channels) / channels;
            scaledRow(y + at, x + at, gain, bias, mean, scale(x + at, mean, channels, eps), channels);
        }
    }

    /** @param kept room for two floats per row */
    static void gradient(
            Threads threads,
            long dx,
            long dgain,
            long dbias,
            long dy,
            long x,
            long gain,
            long kept,
            int rows,
            int channels,
            float eps) {
        if (threads.alone((long) rows * channels)) {
            rowGradients(dx, dy, x, gain, kept, 0, rows, channels, eps);
            gainGradients(dgain, dy, x, kept, rows, 0, channels, channels);
        } else {
            threads.split(rows, (from, to) -> rowGradients(dx, dy, x, gain, kept, from, to, channels, eps));
            threads.split(channels, (from, to) -> gainGradients(dgain, dy, x, kept, rows, from, to, channels));
        }
        Elementwise.addBiasGradient(threads, dbias, dy, rows, channels);
    }

    private static void rowGradients(
            long dx, long dy, long x, long gain, long kept, int from, int to, int channels, float eps) {
        for (int r = from; r < to; r++) {
            long at = 4L * r * channels;
            float mean = sumRow(x + at, channels) / channels, scale = scale(x + at, mean, channels, eps);
            float sum = productRow(dy + at, gain, channels);
            float inner = (centredRow(dy + at, gain, x + at, mean, channels)) * scale;
            set(kept + 8L * r, mean);
            set(kept + 8L * r + 4, scale);
            float pull = -inner * scale * scale / channels;
            gradientRow(dx + at, dy + at, x + at, gain, scale, pull, -scale * sum / channels - pull * mean, channels);
        }
    }

    private static float scale(long x, float mean, int channels, float eps) {
        return (float) (1 / Math.sqrt((double) squaresRow(x, mean, channels) / channels + eps));
    }

    private static float sumRow(long x, int n) {
        FloatVector a = FloatVector.zero(FLOATS);
        int whole = whole(n);
        for (int i = 0; i < whole; i += LANES) a = a.add(load(x + 4L * i));
        float sum = sum(a);
        for (int i = whole; i < n; i++) sum += get(x + 4L * i);
        return sum;
    }

    private static float squaresRow(long x, float mean, int n) {
        FloatVector a = FloatVector.zero(FLOATS);
        int whole = whole(n);
        for (int i = 0; i < whole; i += LANES) {
            FloatVector centred = load(x + 4L * i).sub(mean);
            a = centred.fma(centred, a);
        }
        float sum = sum(a);
        for (int i = whole; i < n; i++) sum = Math.fma(get(x + 4L * i) - mean, get(x + 4L * i) - mean, sum);
        return sum;
    }

    private static void scaledRow(long y, long x, long gain, long bias, float mean, float scale, int n) {
        int whole = whole(n);
        for (int i = 0; i < whole; i += LANES) {
            FloatVector centred = load(x + 4L * i).sub(mean).mul(scale);
            store(centred.fma(load(gain + 4L * i), load(bias + 4L * i)), y + 4L * i);
        }
        for (int i = whole; i < n; i++) {
            set(y + 4L * i, Math.fma((get(x + 4L * i) - mean) * scale, get(gain + 4L * i), get(bias + 4L * i)));
        }
    }

    private static float productRow(long dy, long gain, int n) {
        FloatVector a = FloatVector.zero(FLOATS);
        int whole = whole(n);
        for (int i = 0; i < whole; i += LANES) a = load(dy + 4L * i).fma(load(gain + 4L * i), a);
        float sum = sum(a);
        for (int i = whole; i < n; i++) sum = Math.fma(get(dy + 4L * i), get(gain + 4L * i), sum);
        return sum;
    }

    // Σ gain·dy·(x - mean)
    private static float centredRow(long dy, long gain, long x, float mean, int n) {
        FloatVector a = FloatVector.zero(FLOATS);
        int whole = whole(n);
        for (int i = 0; i < whole; i += LANES) {
            a = load(dy + 4L * i).mul(load(gain + 4L * i)).fma(load(x + 4L * i).sub(mean), a);
        }
        float sum = sum(a);
        for (int i = whole; i < n; i++) {
            sum = Math.fma(get(dy + 4L * i) * get(gain + 4L * i), get(x + 4L * i) - mean, sum);
        }
        return sum;
    }

    // dx += scale·gain·dy + pull·x + shift
    private static void gradientRow(long dx, long dy, long x, long gain, float scale, float pull, float shift, int n) {
        FloatVector pulls = FloatVector.broadcast(FLOATS, pull);
        int whole = whole(n);
        for (int i = 0; i < whole; i += LANES) {
            FloatVector pushed =
                    load(dy + 4L * i).mul(load(gain + 4L * i)).mul(scale).add(shift);
            store(load(dx + 4L * i).add(load(x + 4L * i).fma(pulls, pushed)), dx + 4L * i);
        }
        for (int i = whole; i < n; i++) {
            float pushed = get(dy + 4L * i) * get(gain + 4L * i) * scale + shift;
            set(dx + 4L * i, get(dx + 4L * i) + Math.fma(get(x + 4L * i), pull, pushed));
        }
    }

    // Columns from .. to - 1, row after row.
    private static void gainGradients(
            long dgain, long dy, long x, long kept, int rows, int from, int to, int channels) {
        for (int r = 0; r < rows; r++) {
            long at = 4 * ((long) r * channels + from);
            gainRow(dgain + 4L * from, dy + at, x + at, get(kept + 8L * r), get(kept + 8L * r + 4), to - from);
        }
    }

    private static void gainRow(long dgain, long dy, long x, float mean, float scale, int n) {
        int whole = whole(n);
        for (int i = 0; i < whole; i += LANES) {
            FloatVector centred = load(x + 4L * i).sub(mean).mul(scale);
            store(centred.fma(load(dy + 4L * i), load(dgain + 4L * i)), dgain + 4L * i);
        }
        for (int i = whole; i < n; i++) {
            set(dgain + 4L * i, Math.fma((get(x + 4L * i) - mean) * scale, get(dy + 4L * i), get(dgain + 4L * i)));
        }
    }
}
