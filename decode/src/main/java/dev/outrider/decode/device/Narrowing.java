package dev.outrider.decode.device;

import dev.outrider.checkpoints.Failure;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * How weights become narrower, on every device alike: BF16 by rounding to the nearest, I8 as GGUF's Q8_0 has it: d =
 * max|w| / 127 of a group, q = round(w / d), halves away from zero, and d rounded to F16.
 */
public final class Narrowing {
    private static final int GROUP = Buffer.GROUP, MOST = 127;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private Narrowing() {}

    /** The bfloat16 nearest to a float, the even one of two; NaN stays NaN. */
    public static short bf16(float value) {
        int bits = Float.floatToIntBits(value);
        if (Float.isNaN(value)) return (short) (bits >>> 16);
        return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
    }

    /**
     * A group of weights as bytes.
     *
     * @param from a float for each weight, from byte {@code at} on
     * @param to a byte for each, from byte {@code first} on
     * @param zero what is added to each
     * @return the scale; not finite where one of the weights is not, or where F16 cannot hold it
     */
    public static float group(MemorySegment from, long at, MemorySegment to, long first, int zero) {
        float largest = 0;
        for (int i = 0; i < GROUP; i++) largest = Math.max(largest, Math.abs(from.get(FLOAT, at + 4L * i)));
        float d = largest / MOST, inverse = d == 0 ? 0 : 1 / d;
        for (int i = 0; i < GROUP; i++) {
            int q = rounded(from.get(FLOAT, at + 4L * i) * inverse);
            to.set(ValueLayout.JAVA_BYTE, first + i, (byte) (q + zero));
        }
        return Float.float16ToFloat(Float.floatToFloat16(d));
    }

    // In double: a float just below a half would become one.
    private static int rounded(double value) {
        return (int) (value + Math.copySign(0.5, value));
    }

    /** What to say where a row's scales are not all finite. */
    public static Failure unfit(String tensor, long row) {
        return Failure.data(
                tensor + ", row " + row,
                "values that are not finite, or above 8 million",
                "weights that 8 bits and a scale in F16 can hold",
                "The checkpoint is damaged; take another, or leave its weights as they are stored.");
    }
}
