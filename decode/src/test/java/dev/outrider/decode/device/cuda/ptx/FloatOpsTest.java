package dev.outrider.decode.device.cuda.ptx;

import static java.lang.Float.floatToRawIntBits;
import static java.lang.Float.intBitsToFloat;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Seeds;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/** Floating instructions against Java to the bit; directed roundings against exact decimals. */
class FloatOpsTest {
    private static final float INFINITY = Float.POSITIVE_INFINITY;
    private static final float[] EDGES = {
        0f,
        -0f,
        1f,
        -1f,
        0.5f,
        3f,
        1e-45f,
        -1e-45f,
        1e-40f,
        -1e-40f,
        Float.MIN_NORMAL,
        -Float.MIN_NORMAL,
        Float.MAX_VALUE,
        -Float.MAX_VALUE,
        INFINITY,
        -INFINITY,
        Float.NaN,
        16777217f,
        1.0000001f,
        0x1p127f
    };

    private interface Want {
        float of(float a, float b, float c);
    }

    private static long[][] cases() {
        RandomGenerator random = Seeds.generator(3);
        int pairs = EDGES.length * EDGES.length;
        long[][] cases = new long[pairs + 1000][];
        for (int i = 0; i < pairs; i++)
            cases[i] = bits(EDGES[i / EDGES.length], EDGES[i % EDGES.length], EDGES[(i * 7 + i / 19) % EDGES.length]);
        for (int i = pairs; i < cases.length; i++) {
            cases[i] = i % 2 == 0
                    ? new long[] {
                        random.nextInt() & 0xffffffffL, random.nextInt() & 0xffffffffL, random.nextInt() & 0xffffffffL
                    }
                    : bits(random.nextFloat() - 0.5f, random.nextFloat() - 0.5f, random.nextFloat() - 0.5f);
        }
        return cases;
    }

    private static long[] bits(float... values) {
        long[] out = new long[values.length];
        for (int i = 0; i < out.length; i++) out[i] = floatToRawIntBits(values[i]) & 0xffffffffL;
        return out;
    }

    private static void agrees(String instruction, Want want) {
        long[][] cases = cases();
        long[] found = new Snippet(instruction, "f32", "f32", "f32", "f32").run(cases);
        for (int i = 0; i < cases.length; i++) {
            float a = intBitsToFloat((int) cases[i][0]),
                    b = intBitsToFloat((int) cases[i][1]),
                    c = intBitsToFloat((int) cases[i][2]);
            float expected = want.of(a, b, c);
            int bits = expected != expected ? 0x7fffffff : floatToRawIntBits(expected);
            assertThat((int) found[i])
                    .as(
                            "%s of %s, %s, %s: found %s, expected %s",
                            instruction, a, b, c, intBitsToFloat((int) found[i]), expected)
                    .isEqualTo(bits);
        }
    }

    private static float flush(float x) {
        return Math.abs(x) < Float.MIN_NORMAL ? Math.copySign(0f, x) : x;
    }

    private static float unit(float x) {
        return x != x || x <= 0 ? 0f : Math.min(x, 1f);
    }

    @Test
    void nearestEven() {
        agrees("add.f32 %d, %a, %b;", (a, b, c) -> a + b);
        agrees("add.rn.f32 %d, %a, 0f3F800000;", (a, b, c) -> a + 1);
        agrees("sub.f32 %d, %a, %b;", (a, b, c) -> a - b);
        agrees("mul.f32 %d, %a, %b;", (a, b, c) -> a * b);
        agrees("fma.rn.f32 %d, %a, %b, %c;", (a, b, c) -> fma(a, b, c));
        agrees("div.rn.f32 %d, %a, %b;", (a, b, c) -> a / b);
        agrees("rcp.rn.f32 %d, %a;", (a, b, c) -> 1 / a);
        agrees("sqrt.rn.f32 %d, %a;", (a, b, c) -> (float) Math.sqrt(a));
    }

    /** Rounded once, by exact decimals. */
    private static float fma(float a, float b, float c) {
        float plain = (float) ((double) a * b + c);
        boolean finite = Float.isFinite(a) && Float.isFinite(b) && Float.isFinite(c);
        if (!finite) return plain;
        BigDecimal exact = new BigDecimal(a).multiply(new BigDecimal(b)).add(new BigDecimal(c));
        return exact.signum() == 0 ? (a == 0 || b == 0) && c == 0 ? a * b + c : 0f : exact.floatValue();
    }

    @Test
    void flushingAndSaturation() {
        agrees("add.ftz.f32 %d, %a, %b;", (a, b, c) -> flush(flush(a) + flush(b)));
        agrees("mul.ftz.f32 %d, %a, %b;", (a, b, c) -> flush(flush(a) * flush(b)));
        agrees("fma.rn.ftz.f32 %d, %a, %b, %c;", (a, b, c) -> flush(fma(flush(a), flush(b), flush(c))));
        agrees("add.sat.f32 %d, %a, %b;", (a, b, c) -> unit(a + b));
        agrees("fma.rn.ftz.sat.f32 %d, %a, %b, %c;", (a, b, c) -> unit(flush(fma(flush(a), flush(b), flush(c)))));
        agrees("cvt.sat.f32.f32 %d, %a;", (a, b, c) -> unit(a));
        agrees("cvt.ftz.f32.f32 %d, %a;", (a, b, c) -> flush(a));
    }

    /** Towards zero, down and up: the neighbour on that side of the exact value. */
    @Test
    void directedRoundings() {
        for (String mode : new String[] {"rz", "rm", "rp"}) {
            agrees("add." + mode + ".f32 %d, %a, %b;", (a, b, c) -> directed(mode, a, 1, b, a + b));
            agrees("sub." + mode + ".f32 %d, %a, %b;", (a, b, c) -> directed(mode, a, 1, -b, a - b));
            agrees(
                    "mul." + mode + ".f32 %d, %a, %b;",
                    (a, b, c) -> directed(mode, a, b, a * b == 0 ? a * b : 0, a * b));
            agrees(
                    "fma." + mode + ".f32 %d, %a, %b, %c;",
                    (a, b, c) -> directed(mode, a, b, c, (float) ((double) a * b + c)));
            agrees("div." + mode + ".f32 %d, %a, %b;", (a, b, c) -> quotient(mode, a, b));
            agrees("sqrt." + mode + ".f32 %d, %a;", (a, b, c) -> root(mode, a));
        }
    }

    private static float directed(String mode, float a, float b, float c, float plain) {
        boolean finite = Float.isFinite(a) && Float.isFinite(b) && Float.isFinite(c);
        if (!finite) return plain;
        BigDecimal exact = new BigDecimal(a).multiply(new BigDecimal(b)).add(new BigDecimal(c));
        if (exact.signum() != 0) return side(mode, exact);
        boolean same = floatToRawIntBits(a * b) == floatToRawIntBits(c);
        return same ? c : mode.equals("rm") ? -0f : 0f;
    }

    private static float side(String mode, BigDecimal exact) {
        boolean down = mode.equals("rm") || mode.equals("rz") && exact.signum() > 0;
        float near = exact.floatValue();
        if (Float.isInfinite(near)) return near > 0 == down ? Math.copySign(Float.MAX_VALUE, near) : near;
        int order = new BigDecimal(near).compareTo(exact);
        if (down) return order > 0 ? Math.nextDown(near) : near;
        return order < 0 ? Math.nextUp(near) : near;
    }

    private static float quotient(String mode, float a, float b) {
        if (!Float.isFinite(a) || !Float.isFinite(b) || a == 0 || b == 0) return a / b;
        return side(mode, new BigDecimal(a).divide(new BigDecimal(b), new MathContext(250)));
    }

    private static float root(String mode, float a) {
        if (!Float.isFinite(a) || a <= 0) return (float) Math.sqrt(a);
        return side(mode, new BigDecimal(a).sqrt(new MathContext(250)));
    }

    @Test
    void pairsOfFloats() {
        String in = "{ .reg .b64 %u, %v, %w; mov.b64 %u, {%b, %a}; mov.b64 %v, {%c, %b}; mov.b64 %w, {%a, %c}; ",
                out = " mov.b64 {%b, %d}, %u; }";
        agrees(in + "add.rn.f32x2 %u, %u, %v;" + out, (a, b, c) -> a + b);
        agrees(in + "mul.ftz.f32x2 %u, %u, %v;" + out, (a, b, c) -> flush(flush(a) * flush(b)));
        agrees(in + "fma.rn.f32x2 %u, %u, %v, %w;" + out, (a, b, c) -> fma(a, b, c));
        agrees(in + "sub.rz.f32x2 %u, %u, %v;" + out, (a, b, c) -> directed("rz", a, 1, -b, a - b));
    }

    @Test
    void leastAndMost() {
        agrees("min.f32 %d, %a, %b;", (a, b, c) -> a != a ? b : b != b ? a : Math.min(a, b));
        agrees("max.f32 %d, %a, %b;", (a, b, c) -> a != a ? b : b != b ? a : Math.max(a, b));
        agrees("max.NaN.f32 %d, %a, %b;", (a, b, c) -> Math.max(a, b));
        agrees(
                "min.ftz.f32 %d, %a, %b;",
                (a, b, c) -> a != a ? flush(b) : b != b ? flush(a) : Math.min(flush(a), flush(b)));
        agrees("max.f32 %d, %a, %b, %c;", (a, b, c) -> most(most(a, b), c));
        agrees(
                "min.xorsign.abs.f32 %d, %a, %b;",
                (a, b, c) -> {
                    if (a != a || b != b) return a != a ? b : a;
                    return Math.min(Math.abs(a), Math.abs(b)) * Math.copySign(1, a) * Math.copySign(1, b);
                });
    }

    private static float most(float a, float b) {
        return a != a ? b : b != b ? a : Math.max(a, b);
    }

    @Test
    void signs() {
        long[][] cases = cases();
        long[] neg = new Snippet("neg.f32 %d, %a;", "f32", "f32").run(cases),
                abs = new Snippet("abs.f32 %d, %a;", "f32", "f32").run(cases);
        long[] copied = new Snippet("copysign.f32 %d, %a, %b;", "f32", "f32", "f32").run(cases);
        for (int i = 0; i < cases.length; i++) {
            assertThat(neg[i]).isEqualTo(cases[i][0] ^ 0x80000000L);
            assertThat(abs[i]).isEqualTo(cases[i][0] & 0x7fffffffL);
            assertThat(copied[i])
                    .as("the sign of a, the rest of b")
                    .isEqualTo(cases[i][1] & 0x7fffffffL | cases[i][0] & 0x80000000L);
        }
        agrees("neg.ftz.f32 %d, %a; add.f32 %d, %d, 0f00000000;", (a, b, c) -> -flush(a) + 0f);
    }

    /** The approximations, at the points that the ISA lists and within its errors. */
    @Test
    void approximations() {
        assertThat(new Snippet("ex2.approx.f32 %d, %a;", "f32", "f32").ofFloats(-INFINITY))
                .isEqualTo(0f);
        agrees("ex2.approx.ftz.f32 %d, %a;", (a, b, c) -> flush((float) Math.pow(2, flush(a))));
        agrees("rcp.approx.f32 %d, %a;", (a, b, c) -> 1 / a);
        agrees("rcp.approx.ftz.f32 %d, %a;", (a, b, c) -> flush(1 / flush(a)));
        agrees("rsqrt.approx.f32 %d, %a;", (a, b, c) -> (float) (1 / Math.sqrt(a)));
        agrees("div.full.f32 %d, %a, %b;", (a, b, c) -> a / b);
        agrees("sin.approx.f32 %d, %a;", (a, b, c) -> (float) Math.sin(a));
        agrees("cos.approx.f32 %d, %a;", (a, b, c) -> (float) Math.cos(a));
        agrees("tanh.approx.f32 %d, %a;", (a, b, c) -> (float) Math.tanh(a));
        Snippet log = new Snippet("lg2.approx.f32 %d, %a;", "f32", "f32"),
                quick = new Snippet("div.approx.f32 %d, %a, %b;", "f32", "f32", "f32");
        assertThat(log.ofFloats(8)).isEqualTo(3);
        assertThat(log.ofFloats(0.25f)).isEqualTo(-2);
        assertThat(log.ofFloats(0)).isEqualTo(-INFINITY);
        assertThat(log.ofFloats(-1)).isNaN();
        assertThat(log.ofFloats(INFINITY)).isEqualTo(INFINITY);
        assertThat(log.ofFloats(3)).isEqualTo((float) (Math.log(3) / Math.log(2)));
        assertThat(quick.ofFloats(1, 3)).isEqualTo(1f / 3);
        assertThat(quick.ofFloats(1, 0x1.8p126f)).isEqualTo(0f);
        assertThat(quick.ofFloats(INFINITY, 0x1.8p126f)).isNaN();
    }

    @Test
    void doubles() {
        RandomGenerator random = Seeds.generator(5);
        double[] edges = {
            0.0,
            -0.0,
            1,
            -1,
            Double.MIN_VALUE,
            Double.MIN_NORMAL,
            Double.MAX_VALUE,
            -Double.MAX_VALUE,
            Double.POSITIVE_INFINITY,
            Double.NaN,
            3,
            1e-300,
            1e300,
            random.nextDouble(),
            random.nextDouble()
        };
        for (double a : edges) {
            for (double b : edges) {
                check("add.f64 %d, %a, %b;", a, b, a + b);
                check("sub.rn.f64 %d, %a, %b;", a, b, a - b);
                check("mul.f64 %d, %a, %b;", a, b, a * b);
                check("div.rn.f64 %d, %a, %b;", a, b, a / b);
                check("fma.rn.f64 %d, %a, %b, %a;", a, b, Math.fma(a, b, a));
                check("min.f64 %d, %a, %b;", a, b, a != a ? b : b != b ? a : Math.min(a, b));
                check("max.f64 %d, %a, %b;", a, b, a != a ? b : b != b ? a : Math.max(a, b));
                if (!Double.isFinite(a) || !Double.isFinite(b) || a == 0 || b == 0 || a + b == 0) continue;
                BigDecimal sum = new BigDecimal(a).add(new BigDecimal(b));
                double near = sum.doubleValue(),
                        low =
                                new BigDecimal(Math.clamp(near, -Double.MAX_VALUE, Double.MAX_VALUE)).compareTo(sum) > 0
                                        ? Math.nextDown(near)
                                        : near;
                if (Double.isFinite(near)) check("add.rm.f64 %d, %a, %b;", a, b, low);
            }
            check("sqrt.rn.f64 %d, %a;", a, 0, Math.sqrt(a));
            check("rcp.rn.f64 %d, %a;", a, 0, 1 / a);
            check("neg.f64 %d, %a; add.f64 %d, %d, 0d0000000000000000;", a, 0, -a + 0.0);
            check("abs.f64 %d, %a;", a, 0, Math.abs(a));
        }
        double third = Double.longBitsToDouble(
                new Snippet("rcp.approx.ftz.f64 %d, %a;", "f64", "f64").of(Double.doubleToRawLongBits(3)));
        assertThat(third).isCloseTo(1.0 / 3, org.assertj.core.data.Offset.offset(0x1p-20));
        assertThat(Double.doubleToRawLongBits(third) & 0xffffffffL).isZero();
    }

    private static void check(String instruction, double a, double b, double want) {
        long found = new Snippet(instruction, "f64", "f64", "f64")
                .of(Double.doubleToRawLongBits(a), Double.doubleToRawLongBits(b));
        assertThat(Double.longBitsToDouble(found))
                .as("%s of %s, %s", instruction, a, b)
                .isEqualTo(Double.valueOf(want));
    }

    /** All pairs of a sample of halves, by exact decimals; the NaN is 0x7fff. */
    @Test
    void halves() {
        RandomGenerator random = Seeds.generator(9);
        for (Type type : new Type[] {Type.F16, Type.BF16}) {
            String name = type.name().toLowerCase(java.util.Locale.ROOT);
            long[][] cases = new long[2000][];
            for (int i = 0; i < cases.length; i++)
                cases[i] = new long[] {random.nextInt(1 << 16), random.nextInt(1 << 16), random.nextInt(1 << 16)};
            long[] sums = new Snippet(
                            "add." + (type == Type.BF16 ? "rn." : "") + name + " %d, %a, %b;", "b16", "b16", "b16")
                    .run(cases);
            long[] fused = new Snippet("fma.rn." + name + " %d, %a, %b, %c;", "b16", "b16", "b16", "b16").run(cases);
            for (int i = 0; i < cases.length; i++) {
                float a = (float) Half.real(type, cases[i][0], false),
                        b = (float) Half.real(type, cases[i][1], false),
                        c = (float) Half.real(type, cases[i][2], false);
                assertThat(sums[i]).as("%s: %s + %s", type, a, b).isEqualTo(nearest(type, a, 1, b));
                assertThat(fused[i]).as("%s: %s * %s + %s", type, a, b, c).isEqualTo(nearest(type, a, b, c));
            }
        }
        assertThat(new Snippet("add.f16x2 %d, %a, %b;", "b32", "b32", "b32").of(0x3c004000, 0x40003c00))
                .isEqualTo(0x42004200);
        assertThat(new Snippet("neg.bf16x2 %d, %a;", "b32", "b32").of(0x3f80bf80L))
                .isEqualTo(0xbf803f80L);
        assertThat(new Snippet("max.NaN.f16 %d, %a, %b;", "b16", "b16", "b16").of(0x3c00, 0x7e00))
                .isEqualTo(0x7fff);
        assertThat(new Snippet("fma.rn.relu.bf16 %d, %a, %b, %b;", "b16", "b16", "b16").of(0x3f80, 0xbf80))
                .isEqualTo(0);
        assertThatThrownBy(() -> new Snippet("div.f16 %d, %a, %b;", "b16", "b16", "b16").of(1, 1))
                .hasMessageContaining("not known for halves");
    }

    /** Of all 65536 values the nearest to the exact one, the even one of two. */
    private static long nearest(Type type, float a, float b, float c) {
        float plain = (float) ((double) a * b + c);
        if (plain != plain) return 0x7fff;
        int infinity = type == Type.F16 ? 0x7c00 : 0x7f80, sign = plain < 0 || 1 / plain < 0 ? 0x8000 : 0;
        if (Float.isInfinite(a) || Float.isInfinite(b) || Float.isInfinite(c)) return sign | infinity;
        BigDecimal exact = new BigDecimal(a).multiply(new BigDecimal(b)).add(new BigDecimal(c)), size = exact.abs();
        if (exact.signum() == 0) return sign;
        sign = exact.signum() < 0 ? 0x8000 : 0;
        int low = 0, high = infinity; // value(low) <= size < value(high)
        while (high - low > 1) {
            int middle = low + high >>> 1;
            if (new BigDecimal(Half.real(type, middle, false)).compareTo(size) <= 0) low = middle;
            else high = middle;
        }
        double above = high == infinity ? type == Type.F16 ? 65536 : 0x1p128 : Half.real(type, high, false);
        int order = size.subtract(new BigDecimal(Half.real(type, low, false)))
                .compareTo(new BigDecimal(above).subtract(size));
        return sign | (order < 0 || order == 0 && low % 2 == 0 ? low : high);
    }

    @Test
    void classes() {
        Snippet normal = new Snippet("testp.normal.f32 %d, %a;", "pred", "f32"),
                small = new Snippet("testp.subnormal.f32 %d, %a;", "pred", "f32");
        Snippet finite = new Snippet("testp.finite.f32 %d, %a;", "pred", "f32"),
                nan = new Snippet("testp.notanumber.f32 %d, %a;", "pred", "f32");
        for (float x : EDGES) {
            assertThat(finite.run(bits(x))[0] == 1).isEqualTo(Float.isFinite(x));
            assertThat(nan.run(bits(x))[0] == 1).isEqualTo(x != x);
            assertThat(normal.run(bits(x))[0] == 1).isEqualTo(Float.isFinite(x) && Math.abs(x) >= Float.MIN_NORMAL);
            assertThat(small.run(bits(x))[0] == 1).isEqualTo(x != 0 && Math.abs(x) < Float.MIN_NORMAL);
        }
    }
}
