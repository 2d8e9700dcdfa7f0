package dev.outrider.decode.device.cuda.ptx;

import static java.lang.Float.floatToRawIntBits;
import static java.lang.Float.intBitsToFloat;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Seeds;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Locale;
import java.util.Map;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/** Conversions, movements, comparisons and selections. */
class ConvertOpsTest {
    private static final Map<String, RoundingMode> MODES = Map.of(
            "rni",
            RoundingMode.HALF_EVEN,
            "rzi",
            RoundingMode.DOWN,
            "rmi",
            RoundingMode.FLOOR,
            "rpi",
            RoundingMode.CEILING);
    private static final Type[] WHOLE = {Type.U8, Type.S8, Type.U16, Type.S16, Type.U32, Type.S32, Type.U64, Type.S64};

    private static String name(Type type) {
        return type.name().toLowerCase(Locale.ROOT);
    }

    /** The register that holds the type: at least 16 bits. */
    private static String register(Type type) {
        return "b" + Math.max(type.bits(), 16);
    }

    private static BigInteger least(Type type) {
        return type.signed() ? BigInteger.ONE.shiftLeft(type.bits() - 1).negate() : BigInteger.ZERO;
    }

    private static BigInteger most(Type type) {
        return BigInteger.ONE
                .shiftLeft(type.signed() ? type.bits() - 1 : type.bits())
                .subtract(BigInteger.ONE);
    }

    private static BigInteger big(Type type, long bits) {
        long x = type.value(bits);
        return type == Type.U64 ? new BigInteger(Long.toUnsignedString(x)) : BigInteger.valueOf(x);
    }

    private static long masked(long x, String register) {
        return register.equals("b64") ? x : register.equals("b32") ? x & 0xffffffffL : x & 0xffff;
    }

    @Test
    void betweenIntegers() {
        long[] edges = {
            0,
            1,
            -1,
            127,
            128,
            255,
            256,
            32767,
            32768,
            65535,
            65536,
            0x7fffffff,
            0x80000000L,
            0xffffffffL,
            1L << 32,
            Long.MAX_VALUE,
            Long.MIN_VALUE
        };
        for (Type from : WHOLE) {
            for (Type to : WHOLE) {
                Snippet plain = new Snippet(
                        "cvt.%s.%s %%d, %%a;".formatted(name(to), name(from)), register(to), register(from));
                Snippet sat = new Snippet(
                        "cvt.sat.%s.%s %%d, %%a;".formatted(name(to), name(from)), register(to), register(from));
                for (long x : edges) {
                    BigInteger value = big(from, x);
                    assertThat(plain.of(x))
                            .as("%s to %s of %d", from, to, x)
                            .isEqualTo(masked(to.value(value.longValue()), register(to)));
                    long clamped = value.max(least(to)).min(most(to)).longValue();
                    assertThat(sat.of(x))
                            .as("%s to %s of %d, saturated", from, to, x)
                            .isEqualTo(masked(clamped, register(to)));
                }
            }
        }
    }

    @Test
    void fromFloatsToIntegers() {
        float[] edges = {
            0,
            -0f,
            0.5f,
            -0.5f,
            1.5f,
            2.5f,
            -2.5f,
            0.49999997f,
            127.5f,
            255.4f,
            -129,
            32768,
            65535.9f,
            2147483648f,
            -2147483648f,
            2147483520f,
            4294967296f,
            4294967040f,
            9.223372e18f,
            -9.3e18f,
            1.8446744e19f,
            1.8446743e19f,
            1e30f,
            -1e30f,
            1e-40f,
            Float.POSITIVE_INFINITY,
            Float.NEGATIVE_INFINITY,
            Float.NaN
        };
        for (Type to : WHOLE) {
            for (String mode : MODES.keySet()) {
                Snippet single = new Snippet("cvt.%s.%s.f32 %%d, %%a;".formatted(mode, name(to)), register(to), "f32");
                Snippet twice = new Snippet("cvt.%s.%s.f64 %%d, %%a;".formatted(mode, name(to)), register(to), "f64");
                for (float x : edges) {
                    assertThat(single.of(floatToRawIntBits(x)))
                            .as("%s to %s of %s", mode, to, x)
                            .isEqualTo(masked(whole(to, mode, x, to.bytes == 8), register(to)));
                    assertThat(twice.of(Double.doubleToRawLongBits(x)))
                            .as("%s to %s of double %s", mode, to, x)
                            .isEqualTo(masked(whole(to, mode, x, true), register(to)));
                }
            }
        }
        assertThat(new Snippet("cvt.rni.ftz.s32.f32 %d, %a;", "b32", "f32").of(floatToRawIntBits(-0.75f)))
                .isEqualTo(0xffffffffL);
    }

    private static long whole(Type to, String mode, double x, boolean top) {
        if (x != x) return top ? 1L << to.bits() - 1 : 0;
        if (Double.isInfinite(x))
            return x > 0 ? most(to).longValue() : least(to).longValue();
        BigInteger rounded = new BigDecimal(x).setScale(0, MODES.get(mode)).toBigIntegerExact();
        return rounded.max(least(to)).min(most(to)).longValue();
    }

    @Test
    void fromIntegersToFloats() {
        long[] values = {
            0,
            1,
            -1,
            16777217,
            16777219,
            -16777217,
            33554431,
            Integer.MAX_VALUE,
            0xffffffffL,
            Long.MAX_VALUE,
            Long.MIN_VALUE,
            (1L << 53) + 1,
            (1L << 62) + 1,
            -(1L << 60) + 1,
            0x8000004000000000L,
            0x8000004000000001L,
            65519,
            65520,
            1025
        };
        for (Type from : new Type[] {Type.U8, Type.S16, Type.U32, Type.S32, Type.U64, Type.S64}) {
            Snippet near = new Snippet("cvt.rn.f32." + name(from) + " %d, %a;", "f32", register(from));
            Snippet down = new Snippet("cvt.rm.f32." + name(from) + " %d, %a;", "f32", register(from));
            Snippet twice = new Snippet("cvt.rn.f64." + name(from) + " %d, %a;", "f64", register(from));
            Snippet half = new Snippet("cvt.rn.f16." + name(from) + " %d, %a;", "b16", register(from));
            for (long x : values) {
                BigDecimal exact = new BigDecimal(big(from, x));
                float nearest = exact.floatValue();
                assertThat(intBitsToFloat((int) near.of(x)))
                        .as("%s %s", from, exact)
                        .isEqualTo(nearest);
                float below = new BigDecimal(nearest).compareTo(exact) > 0 ? Math.nextDown(nearest) : nearest;
                assertThat(intBitsToFloat((int) down.of(x)))
                        .as("%s %s down", from, exact)
                        .isEqualTo(below);
                assertThat(Double.longBitsToDouble(twice.of(x)))
                        .as("%s %s", from, exact)
                        .isEqualTo(exact.doubleValue());
                if (Math.abs(exact.doubleValue()) < 1 << 24)
                    assertThat(half.of(x))
                            .as("%s %s", from, exact)
                            .isEqualTo(Float.floatToFloat16(exact.floatValue()) & 0xffff);
            }
        }
    }

    /** Every half to f32; f32 and f64 to halves, ties and the denormals' edges among them. */
    @Test
    void betweenFloats() {
        Snippet wide = new Snippet("cvt.f32.f16 %d, %a;", "f32", "b16"),
                narrow = new Snippet("cvt.rn.f16.f32 %d, %a;", "b16", "f32");
        Snippet brain = new Snippet("cvt.rn.bf16.f32 %d, %a;", "b16", "f32"),
                truncated = new Snippet("cvt.rz.f16.f32 %d, %a;", "b16", "f32");
        Snippet single = new Snippet("cvt.rn.f32.f64 %d, %a;", "f32", "f64"),
                zero = new Snippet("cvt.rz.f32.f64 %d, %a;", "f32", "f64"),
                twice = new Snippet("cvt.f64.f32 %d, %a;", "f64", "f32");
        long[][] halves = new long[1 << 16][];
        for (int i = 0; i < halves.length; i++) halves[i] = new long[] {i};
        long[] widened = wide.run(halves);
        for (int i = 0; i < halves.length; i++)
            assertThat(Float.compare(intBitsToFloat((int) widened[i]), Float.float16ToFloat((short) i)))
                    .isZero();
        RandomGenerator random = Seeds.generator(1);
        long[][] floats = new long[4000][], doubles = new long[4000][];
        for (int i = 0; i < floats.length; i++) {
            int bits = i % 3 == 0
                    ? random.nextInt()
                    : floatToRawIntBits(Float.float16ToFloat((short) random.nextInt()) + (i % 2) * 0x1p-25f);
            floats[i] = new long[] {bits & 0xffffffffL};
            doubles[i] = new long[] {Double.doubleToRawLongBits(intBitsToFloat(bits) * (1 + (i % 5) * 0x1p-25))};
        }
        long[] halfFound = narrow.run(floats),
                brainFound = brain.run(floats),
                cut = truncated.run(floats),
                singles = single.run(doubles),
                zeros = zero.run(doubles),
                wides = twice.run(floats);
        for (int i = 0; i < floats.length; i++) {
            float x = intBitsToFloat((int) floats[i][0]);
            double y = Double.longBitsToDouble(doubles[i][0]);
            boolean nan = x != x;
            assertThat(halfFound[i]).as("%s", x).isEqualTo(nan ? 0x7fff : Float.floatToFloat16(x) & 0xffff);
            int bits = floatToRawIntBits(x);
            assertThat(brainFound[i]).as("%s", x).isEqualTo(nan ? 0x7fff : bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
            float back = Float.float16ToFloat((short) cut[i]);
            if (!nan && Float.isFinite(x)) {
                assertThat(Math.abs(back)).as("%s cut", x).isLessThanOrEqualTo(Math.abs(x));
                assertThat(Math.abs(Float.float16ToFloat((short) (cut[i] + 1))))
                        .as("%s cut", x)
                        .isGreaterThan(Math.abs(x));
            }
            assertThat((int) singles[i]).isEqualTo(nan ? 0x7fffffff : floatToRawIntBits((float) y));
            if (nan) continue;
            float near = (float) y;
            float inward = Math.abs(near) > Math.abs(y) ? near > 0 ? Math.nextDown(near) : Math.nextUp(near) : near;
            assertThat(intBitsToFloat((int) zeros[i])).as("%s to zero", y).isEqualTo(inward);
            assertThat(Double.longBitsToDouble(wides[i])).isEqualTo(x);
        }
    }

    @Test
    void integralRoundingsAndPairs() {
        for (float x : new float[] {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 1e10f, -0.2f, 0x1p-149f, Float.NEGATIVE_INFINITY}) {
            assertThat(new Snippet("cvt.rni.f32.f32 %d, %a;", "f32", "f32").ofFloats(x))
                    .isEqualTo((float) Math.rint(x));
            assertThat(new Snippet("cvt.rmi.f32.f32 %d, %a;", "f32", "f32").ofFloats(x))
                    .isEqualTo((float) Math.floor(x));
            assertThat(new Snippet("cvt.rpi.f32.f32 %d, %a;", "f32", "f32").ofFloats(x))
                    .isEqualTo((float) Math.ceil(x));
            float truncated = (float) (x < 0 ? Math.ceil(x) : Math.floor(x));
            assertThat(new Snippet("cvt.rzi.f32.f32 %d, %a;", "f32", "f32").ofFloats(x))
                    .isEqualTo(truncated);
        }
        long one = floatToRawIntBits(1f), two = floatToRawIntBits(-2f);
        assertThat(new Snippet("cvt.rn.f16x2.f32 %d, %a, %b;", "b32", "f32", "f32").of(one, two))
                .as("the first is the upper half")
                .isEqualTo(0x3c00c000L);
        assertThat(new Snippet("cvt.rn.bf16x2.f32 %d, %a, %b;", "b32", "f32", "f32").of(one, two))
                .isEqualTo(0x3f80c000L);
        assertThat(new Snippet("cvt.rn.relu.bf16x2.f32 %d, %a, %b;", "b32", "f32", "f32").of(one, two))
                .isEqualTo(0x3f800000L);
        Snippet away = new Snippet("cvt.rna.tf32.f32 %d, %a;", "b32", "f32"),
                even = new Snippet("cvt.rn.tf32.f32 %d, %a;", "b32", "f32");
        assertThat(away.of(0x3f801000L)).isEqualTo(0x3f802000L);
        assertThat(even.of(0x3f801000L)).isEqualTo(0x3f800000L);
        assertThat(even.of(0x3f803000L)).isEqualTo(0x3f804000L);
    }

    @Test
    void movesOfVectors() {
        assertThat(new Snippet("mov.b64 {%n, %i}, %a; mov.b64 %d, {%i, %n};", "b64", "b64").of(0x123456789abcdef0L))
                .isEqualTo(0x9abcdef012345678L);
        assertThat(new Snippet(
                                "{ .reg .b16 %h<4>; mov.b64 {%h0, %h1, %h2, %h3}, %a; mov.b64 %d, {%h3, %h2, %h1, %h0}; }",
                                "b64", "b64")
                        .of(0x0001000200038004L))
                .isEqualTo(0x8004000300020001L);
        assertThat(new Snippet("{ .reg .b16 %l, %h; mov.b32 {%l, %h}, %a; mov.b32 %d, {%h, %l}; }", "b32", "b32")
                        .of(0x8001fffeL))
                .isEqualTo(0xfffe8001L);
        assertThat(new Snippet("{ .reg .b32 %t; mov.b64 {%t, %d}, %a; }", "b32", "b64").of(0x123456789abcdef0L))
                .isEqualTo(0x12345678L);
        assertThat(new Snippet("mov.f32 %d, 0fBF800000;", "f32", "f32").ofFloats(0))
                .isEqualTo(-1f);
        assertThat(new Snippet("mov.f32 %d, -2.5;", "f32", "f32").ofFloats(0)).isEqualTo(-2.5f);
        assertThat(new Snippet("mov.f64 %d, 0d4008000000000000;", "f64", "f32").of(0))
                .isEqualTo(Double.doubleToRawLongBits(3));
        assertThat(new Snippet("mov.b32 %d, 0x80000000;", "b32", "f32").of(0)).isEqualTo(0x80000000L);
    }

    private interface Ordered {
        boolean of(double a, double b);
    }

    @Test
    void comparisonsOfFloats() {
        Map<String, Ordered> tests = Map.ofEntries(
                Map.entry("eq", (a, b) -> a == b),
                Map.entry("ne", (a, b) -> a < b || a > b),
                Map.entry("lt", (a, b) -> a < b),
                Map.entry("le", (a, b) -> a <= b),
                Map.entry("gt", (a, b) -> a > b),
                Map.entry("ge", (a, b) -> a >= b),
                Map.entry("equ", (a, b) -> a == b || a != a || b != b),
                Map.entry("neu", (a, b) -> a != b),
                Map.entry("ltu", (a, b) -> !(a >= b)),
                Map.entry("leu", (a, b) -> !(a > b)),
                Map.entry("gtu", (a, b) -> !(a <= b)),
                Map.entry("geu", (a, b) -> !(a < b)),
                Map.entry("num", (a, b) -> a == a && b == b),
                Map.entry("nan", (a, b) -> a != a || b != b));
        float[] values = {0, -0f, 1, -1, 1e-45f, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.NaN};
        tests.forEach((how, test) -> {
            Snippet single = new Snippet("setp." + how + ".f32 %d, %a, %b;", "pred", "f32", "f32");
            Snippet twice = new Snippet("setp." + how + ".f64 %d, %a, %b;", "pred", "f64", "f64");
            Snippet set = new Snippet("set." + how + ".u32.f32 %d, %a, %b;", "b32", "f32", "f32");
            Snippet flushed = new Snippet("setp." + how + ".ftz.f32 %d, %a, %b;", "pred", "f32", "f32");
            for (float a : values) {
                for (float b : values) {
                    long want = test.of(a, b) ? 1 : 0;
                    assertThat(single.of(floatToRawIntBits(a), floatToRawIntBits(b)))
                            .as("%s %s %s", a, how, b)
                            .isEqualTo(want);
                    assertThat(twice.of(Double.doubleToRawLongBits(a), Double.doubleToRawLongBits(b)))
                            .as("%s %s %s", a, how, b)
                            .isEqualTo(want);
                    assertThat(set.of(floatToRawIntBits(a), floatToRawIntBits(b)))
                            .isEqualTo(want * 0xffffffffL);
                    boolean small = test.of(a == 1e-45f ? 0 : a, b == 1e-45f ? 0 : b);
                    assertThat(flushed.of(floatToRawIntBits(a), floatToRawIntBits(b)))
                            .isEqualTo(small ? 1 : 0);
                }
            }
        });
    }

    @Test
    void comparisonsOfIntegers() {
        long[] values = {0, 1, -1, 0x7fff, 0x8000, 0x7fffffff, 0x80000000L, 0xffffffffL, Long.MAX_VALUE, Long.MIN_VALUE
        };
        String[] names = {"eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs"};
        for (Type type : new Type[] {Type.S16, Type.U16, Type.S32, Type.U32, Type.B32, Type.S64, Type.U64}) {
            for (String how : names) {
                if (type == Type.B32 && !how.equals("eq") && !how.equals("ne")) continue;
                if (type.signed() && how.matches("lo|ls|hi|hs")) continue;
                Snippet test = new Snippet(
                        "setp." + how + "." + name(type) + " %d, %a, %b;", "pred", register(type), register(type));
                for (long a : values) {
                    for (long b : values) {
                        int order = big(type, a).compareTo(big(type, b));
                        boolean want = switch (how) {
                            case "eq" -> order == 0;
                            case "ne" -> order != 0;
                            case "lt", "lo" -> order < 0;
                            case "le", "ls" -> order <= 0;
                            case "gt", "hi" -> order > 0;
                            default -> order >= 0;
                        };
                        assertThat(test.of(a, b))
                                .as("%s %d %s %d", type, a, how, b)
                                .isEqualTo(want ? 1 : 0);
                    }
                }
            }
        }
    }

    @Test
    void booleanOperandsAndSelections() {
        for (int i = 0; i < 8; i++) {
            boolean less = (i & 1) != 0, c = (i & 2) != 0, negated = (i & 4) != 0;
            String not = negated ? "!" : "";
            long[] sources = {less ? 1 : 2, 2, c ? 1 : 0};
            boolean q = c != negated;
            String pair = "setp.lt.%s.s32 %%p|%%q, %%a, %%b, %s%%c; ";
            String both = "{ .reg .b32 %t; selp.b32 %d, 1, 0, %p; selp.b32 %t, 2, 0, %q; or.b32 %d, %d, %t; }";
            long and = new Snippet(pair.formatted("and", not) + both, "b32", "b32", "b32", "pred").of(sources);
            assertThat(and).isEqualTo((less && q ? 1 : 0) | (!less && q ? 2 : 0));
            long or = new Snippet(pair.formatted("or", not) + both, "b32", "b32", "b32", "pred").of(sources);
            assertThat(or).isEqualTo((less || q ? 1 : 0) | (!less || q ? 2 : 0));
            long xor = new Snippet(pair.formatted("xor", not) + both, "b32", "b32", "b32", "pred").of(sources);
            assertThat(xor).isEqualTo((less != q ? 1 : 0) | (!less != q ? 2 : 0));
        }
        Snippet choice = new Snippet("slct.u32.s32 %d, %a, %b, %c;", "b32", "b32", "b32", "b32");
        assertThat(choice.of(5, 6, 0)).isEqualTo(5);
        assertThat(choice.of(5, 6, -1)).isEqualTo(6);
        Snippet real = new Snippet("slct.u32.f32 %d, %a, %b, %c;", "b32", "b32", "b32", "f32");
        assertThat(real.of(5, 6, floatToRawIntBits(-0f))).isEqualTo(5);
        assertThat(real.of(5, 6, floatToRawIntBits(Float.NaN))).isEqualTo(6);
        assertThat(new Snippet("@!%c mov.b32 %a, 7; mov.b32 %d, %a;", "b32", "b32", "b32", "pred").of(5, 6, 0))
                .isEqualTo(7);
        assertThat(new Snippet("@%c mov.b32 %a, 7; mov.b32 %d, %a;", "b32", "b32", "b32", "pred").of(5, 6, 0))
                .isEqualTo(5);
        assertThat(new Snippet("not.pred %p, %c; and.pred %d, %p, %p;", "pred", "b32", "b32", "pred").of(5, 6, 0))
                .isEqualTo(1);
    }

    @Test
    void genericAddresses() {
        String shared = "{ .shared .align 8 .b8 s[16]; .reg .u64 %g, %u; mov.u64 %u, s; cvta.shared.u64 %g, %u; ";
        assertThat(new Snippet(shared + "isspacep.shared %d, %g; }", "pred", "b32").of(0))
                .isEqualTo(1);
        assertThat(new Snippet(shared + "isspacep.global %d, %g; }", "pred", "b32").of(0))
                .isEqualTo(0);
        assertThat(new Snippet(shared + "st.shared.b32 [s+4], %a; ld.b32 %d, [%g+4]; }", "b32", "b32").of(77))
                .isEqualTo(77);
        assertThat(new Snippet(
                                shared
                                        + "cvta.to.shared.u64 %g, %g; st.shared.b32 [s+4], %a; ld.shared.b32 %d, [%g+4]; }",
                                "b32",
                                "b32")
                        .of(77))
                .isEqualTo(77);
        assertThatThrownBy(() -> new Snippet(shared + "cvta.to.local.u64 %d, %g; }", "b64", "b32").of(0))
                .hasMessageContaining("not of this space");
        assertThat(new Snippet("isspacep.global %d, %x;", "pred", "b32").of(0)).isEqualTo(1);
    }
}
