package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.LANES;
import static dev.outrider.decode.device.cpu.Lanes.get;
import static dev.outrider.decode.device.cpu.Lanes.load;
import static dev.outrider.decode.device.cpu.Lanes.set;
import static dev.outrider.decode.device.cpu.Lanes.store;
import static dev.outrider.decode.device.cpu.Lanes.whole;

import jdk.incubator.vector.FloatVector;

/**
 * Rotary positions (Su et al., 2104.09864) with pairs half a head apart, as Hugging Face orders them:
 * (a, b) becomes (a·cos - b·sin, b·cos + a·sin). The gradient is the rotation back: the sign of sin changes.
 */
final class Rotary {
    private Rotary() {}

    /** @param sign 1, or -1 to rotate back; other arguments as in Device.rope */
    static void rotate(
            Threads threads,
            long x,
            int rows,
            int stride,
            int heads,
            int headDim,
            long table,
            int positions,
            int first,
            int period,
            float sign) {
        if (threads.alone((long) rows * heads * headDim)) {
            rows(x, 0, rows, stride, heads, headDim, table, positions, first, period, sign);
        } else {
            threads.split(
                    rows,
                    (from, to) -> rows(x, from, to, stride, heads, headDim, table, positions, first, period, sign));
        }
    }

    private static void rows(
            long x,
            int from,
            int to,
            int stride,
            int heads,
            int headDim,
            long table,
            int positions,
            int first,
            int period,
            float sign) {
        int half = headDim / 2;
        for (int r = from; r < to; r++) {
            long cos = table + 4L * half * (first + r % period), sin = cos + 4L * half * positions;
            for (int h = 0; h < heads; h++) headRow(x + 4 * ((long) r * stride + h * headDim), cos, sin, half, sign);
        }
    }

    /** Rows [rows, heads·headDim], row r rotated to position[r]. */
    static void rotateEach(long x, int rows, int heads, int headDim, long table, int positions, int[] position) {
        int half = headDim / 2;
        for (int r = 0; r < rows; r++) {
            long row = x + 4L * r * heads * headDim;
            long cos = table + 4L * half * position[r], sin = cos + 4L * half * positions;
            for (int h = 0; h < heads; h++) headRow(row + 4L * h * headDim, cos, sin, half, 1);
        }
    }

    private static void headRow(long a, long cos, long sin, int half, float sign) {
        long b = a + 4L * half;
        int whole = whole(half);
        for (int i = 0; i < whole; i += LANES) {
            FloatVector c = load(cos + 4L * i), s = load(sin + 4L * i).mul(sign);
            FloatVector u = load(a + 4L * i), v = load(b + 4L * i);
            store(u.mul(c).sub(v.mul(s)), a + 4L * i);
            store(v.mul(c).add(u.mul(s)), b + 4L * i);
        }
        for (int i = whole; i < half; i++) pair(a + 4L * i, b + 4L * i, get(cos + 4L * i), sign * get(sin + 4L * i));
    }

    private static void pair(long a, long b, float cos, float sin) {
        float u = get(a), v = get(b);
        set(a, u * cos - v * sin);
        set(b, v * cos + u * sin);
    }

    /** The scalar twin for one head, in double: angles[i] turns the pair (i, i + D/2). */
    static double[] scalar(double[] head, double[] angles) {
        int half = angles.length;
        double[] out = new double[2 * half];
        for (int i = 0; i < half; i++) {
            double cos = Math.cos(angles[i]), sin = Math.sin(angles[i]);
            out[i] = head[i] * cos - head[i + half] * sin;
            out[i + half] = head[i + half] * cos + head[i] * sin;
        }
        return out;
    }
}
