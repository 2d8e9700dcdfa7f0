package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.get;
import static dev.outrider.decode.device.cpu.Lanes.set;

/** Dropout: one hashed number for four elements, 16 bits each. */
final class Dropout {
    private static final int FOURTH = 1 << 16;

    private Dropout() {}

    static void apply(Threads threads, long x, long elements, double share, long seed) {
        int dropped = dropped(share);
        if (dropped == 0) return;
        float factor = factor(dropped);
        Elementwise.each(threads, elements, (at, n) -> apply(x + 4 * at, n, dropped, factor, seed + at / 4));
    }

    private static void apply(long x, int n, int dropped, float factor, long seed) {
        for (int i = 0; i < n; i += 4) {
            long bits = mix(seed + i / 4);
            int last = Math.min(4, n - i);
            for (int j = 0; j < last; j++) {
                long at = x + 4L * (i + j);
                set(at, (bits & FOURTH - 1) < dropped ? 0 : get(at) * factor);
                bits >>>= 16;
            }
        }
    }

    /** Of 65,536. */
    static int dropped(double share) {
        if (!(share >= 0 && share < 1)) throw new IllegalArgumentException("dropout " + share + ", not in [0, 1)");
        return (int) Math.min(FOURTH - 1, Math.round(share * FOURTH));
    }

    static float factor(int dropped) {
        return (float) ((double) FOURTH / (FOURTH - dropped));
    }

    // The finaliser of SplitMix64.
    private static long mix(long z) {
        z += 0x9e3779b97f4a7c15L;
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }
}
