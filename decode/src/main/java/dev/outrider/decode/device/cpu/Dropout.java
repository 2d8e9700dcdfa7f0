package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.get;
import static dev.outrider.decode.device.cpu.Lanes.set;

import dev.outrider.decode.device.DropoutShare;

/** Dropout: one hashed number for four elements, 16 bits each. */
final class Dropout {
    private static final int FOURTH = 1 << 16;

    private Dropout() {}

    static void apply(Threads threads, long x, long elements, double share, long seed) {
        DropoutShare kept = DropoutShare.of(share);
        int dropped = kept.dropped();
        float factor = kept.factor();
        if (dropped == 0) return;
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

    // The finaliser of SplitMix64.
    private static long mix(long z) {
        z += 0x9e3779b97f4a7c15L;
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }
}
