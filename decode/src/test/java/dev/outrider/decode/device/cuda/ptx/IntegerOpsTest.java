package dev.outrider.decode.device.cuda.ptx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Seeds;
import java.math.BigInteger;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/** Integer instructions against Java and, where it has none, against BigInteger or bit by bit. */
class IntegerOpsTest {
    private static final long[] EDGES = {
        0,
        1,
        2,
        -1,
        31,
        32,
        33,
        63,
        64,
        65,
        255,
        256,
        0x7fff,
        0x8000,
        0xffff,
        0x7fffffff,
        0x80000000L,
        0xffffffffL,
        0x100000000L,
        Long.MAX_VALUE,
        Long.MIN_VALUE
    };

    private interface Want {
        long of(long a, long b, long c);
    }

    /** All pairs of edges and some random values, sources cut to the type, results too. */
    private static void agrees(String instruction, String type, Want want) {
        agrees(instruction, type, type, want);
    }

    private static void agrees(String instruction, String to, String from, Want want) {
        Type source = Type.named(from), result = Type.named(to);
        RandomGenerator random = Seeds.generator(instruction.hashCode());
        long[][] cases = new long[EDGES.length * EDGES.length + 300][];
        int n = 0;
        for (long a : EDGES) for (long b : EDGES) cases[n++] = new long[] {a, b, EDGES[(n * 7) % EDGES.length]};
        while (n < cases.length)
            cases[n++] = new long[] {
                random.nextLong(), random.nextLong() >> random.nextInt(64), random.nextLong() >> random.nextInt(64)
            };
        long[] found = new Snippet(instruction, to, from, from, from).run(cases);
        long mask = result.bytes == 8 ? -1 : (1L << result.bits()) - 1;
        for (int i = 0; i < cases.length; i++) {
            long a = source.value(cases[i][0]), b = source.value(cases[i][1]), c = source.value(cases[i][2]);
            assertThat(found[i]).as("%s of %d, %d, %d", instruction, a, b, c).isEqualTo(want.of(a, b, c) & mask);
        }
    }

    @Test
    void sums() {
        for (String type : new String[] {"s16", "u16", "s32", "u32", "s64", "u64"}) {
            agrees("add." + type + " %d, %a, %b;", type, (a, b, c) -> a + b);
            agrees("sub." + type + " %d, %a, %b;", type, (a, b, c) -> a - b);
            agrees("mul.lo." + type + " %d, %a, %b;", type, (a, b, c) -> a * b);
            agrees("mad.lo." + type + " %d, %a, %b, %c;", type, (a, b, c) -> a * b + c);
            agrees("min." + type + " %d, %a, %b;", type, (a, b, c) -> least(type, a, b));
            agrees("max." + type + " %d, %a, %b;", type, (a, b, c) -> least(type, a, b) == a ? b : a);
        }
        agrees("add.sat.s32 %d, %a, %b;", "s32", (a, b, c) -> Math.clamp(a + b, Integer.MIN_VALUE, Integer.MAX_VALUE));
        agrees("sub.sat.s32 %d, %a, %b;", "s32", (a, b, c) -> Math.clamp(a - b, Integer.MIN_VALUE, Integer.MAX_VALUE));
        agrees("sad.s32 %d, %a, %b, %c;", "s32", (a, b, c) -> c + Math.abs(a - b));
        agrees("neg.s32 %d, %a;", "s32", (a, b, c) -> -a);
        agrees("abs.s64 %d, %a;", "s64", (a, b, c) -> Math.abs(a));
        agrees("abs.s16 %d, %a;", "s16", (a, b, c) -> Math.abs(a));
    }

    private static long least(String type, long a, long b) {
        return type.equals("u64") ? Long.compareUnsigned(a, b) < 0 ? a : b : Math.min(a, b);
    }

    private static BigInteger big(String type, long x) {
        return type.startsWith("u") ? new BigInteger(Long.toUnsignedString(x)) : BigInteger.valueOf(x);
    }

    @Test
    void upperHalvesAndWideProducts() {
        for (String type : new String[] {"s16", "u16", "s32", "u32", "s64", "u64"}) {
            int bits = Type.named(type).bits();
            Want high = (a, b, c) ->
                    big(type, a).multiply(big(type, b)).shiftRight(bits).longValue();
            agrees("mul.hi." + type + " %d, %a, %b;", type, high);
            agrees("mad.hi." + type + " %d, %a, %b, %c;", type, (a, b, c) -> high.of(a, b, c) + c);
            if (bits == 64) continue;
            String wide = type.charAt(0) + "" + 2 * bits;
            agrees("mul.wide." + type + " %d, %a, %b;", wide, type, (a, b, c) -> a * b);
            String widened = "{ .reg .%s %%w; cvt.%s.%s %%w, %%c; mad.wide.%s %%d, %%a, %%b, %%w; }"
                    .formatted(wide, wide, type, type);
            agrees(widened, wide, type, (a, b, c) -> a * b + c);
        }
        agrees("mul24.lo.u32 %d, %a, %b;", "u32", (a, b, c) -> (a & 0xffffff) * (b & 0xffffff));
        agrees("mul24.hi.s32 %d, %a, %b;", "s32", (a, b, c) -> (a << 40 >> 40) * (b << 40 >> 40) >> 16);
    }

    @Test
    void quotients() {
        for (String type : new String[] {"s16", "u16", "s32", "u32", "s64", "u64"}) {
            String one = "max.u" + type.substring(1) + " %b, %b, 1; ";
            agrees(
                    one + "div." + type + " %d, %a, %b;",
                    type,
                    (a, b, c) -> big(type, a).divide(big(type, b == 0 ? 1 : b)).longValue());
            agrees(
                    one + "rem." + type + " %d, %a, %b;",
                    type,
                    (a, b, c) ->
                            big(type, a).remainder(big(type, b == 0 ? 1 : b)).longValue());
        }
        assertThatThrownBy(() -> new Snippet("div.s32 %d, %a, %b;", "s32", "s32", "s32").of(1, 0))
                .isInstanceOf(PtxFault.class)
                .hasMessageContaining("divided by zero")
                .hasMessageContaining("div.s32 %d, %a, %b");
    }

    @Test
    void shiftsBeyondTheWidth() {
        for (String bits : new String[] {"16", "32", "64"}) {
            int width = Integer.parseInt(bits);
            String count = width == 32 ? "mov.b32 %n, %b; " : "cvt.u32.u" + bits + " %n, %b; ";
            agrees(
                    count + "shl.b" + bits + " %d, %a, %n;",
                    "b" + bits,
                    (a, b, c) -> count(b, width) >= width ? 0 : a << b);
            agrees(
                    count + "shr.u" + bits + " %d, %a, %n;",
                    "u" + bits,
                    (a, b, c) -> count(b, width) >= width ? 0 : a >>> b);
            agrees(
                    count + "shr.s" + bits + " %d, %a, %n;",
                    "s" + bits,
                    (a, b, c) -> a >> Math.min(count(b, width), 63));
        }
    }

    private static long count(long b, int width) {
        return width == 16 ? b & 0xffff : b & 0xffffffffL;
    }

    @Test
    void funnels() {
        Want left = (a, b, c) -> (int) ((b << 32 | a) << (c & 31) >>> 32),
                right = (a, b, c) -> (int) ((b << 32 | a) >>> (c & 31));
        agrees("shf.l.wrap.b32 %d, %a, %b, %c;", "b32", left);
        agrees("shf.r.wrap.b32 %d, %a, %b, %c;", "b32", right);
        agrees("shf.l.clamp.b32 %d, %a, %b, %c;", "b32", (a, b, c) -> c >= 32 ? a : left.of(a, b, c));
        agrees("shf.r.clamp.b32 %d, %a, %b, %c;", "b32", (a, b, c) -> c >= 32 ? b : right.of(a, b, c));
    }

    @Test
    void logic() {
        for (String type : new String[] {"b16", "b32", "b64"}) {
            agrees("and." + type + " %d, %a, %b;", type, (a, b, c) -> a & b);
            agrees("or." + type + " %d, %a, %b;", type, (a, b, c) -> a | b);
            agrees("xor." + type + " %d, %a, %b;", type, (a, b, c) -> a ^ b);
            agrees("not." + type + " %d, %a;", type, (a, b, c) -> ~a);
            agrees("cnot." + type + " %d, %a;", type, (a, b, c) -> a == 0 ? 1 : 0);
        }
        agrees("lop3.b32 %d, %a, %b, %c, 0xf8;", "b32", (a, b, c) -> a | b & c);
        agrees("lop3.b32 %d, %a, %b, %c, 0xca;", "b32", (a, b, c) -> a & b | ~a & c);
        agrees("lop3.b32 %d, %a, %b, %c, 0x96;", "b32", (a, b, c) -> a ^ b ^ c);
    }

    @Test
    void fieldsOfBits() {
        agrees("bfe.u32 %d, %a, %b, %c;", "u32", (a, b, c) -> extracted(a, b, c, 32, false));
        agrees("bfe.s32 %d, %a, %b, %c;", "s32", (a, b, c) -> extracted(a, b, c, 32, true));
        String counts = "{ .reg .b32 %m; cvt.u32.u64 %n, %b; cvt.u32.u64 %m, %c; ";
        agrees(counts + "bfe.s64 %d, %a, %n, %m; }", "s64", (a, b, c) -> extracted(a, b, c, 64, true));
        agrees(counts + "bfi.b64 %d, %a, %a, %n, %m; }", "b64", (a, b, c) -> inserted(a, a, b, c, 64));
        agrees("bfi.b32 %d, %a, %b, %c, 5;", "b32", (a, b, c) -> inserted(a, b, c, 5, 32));
        agrees("bfi.b32 %d, %a, %b, 3, %c;", "b32", (a, b, c) -> inserted(a, b, 3, c, 32));
    }

    /** As the PTX ISA writes it, 9.7.1.19. */
    private static long extracted(long a, long b, long c, int width, boolean signed) {
        int pos = (int) b & 0xff, len = (int) c & 0xff, msb = width - 1;
        boolean sign = signed && len != 0 && (a >>> Math.min(pos + len - 1, msb) & 1) != 0;
        long d = 0;
        for (int i = 0; i <= msb; i++) if (i < len && pos + i <= msb ? (a >>> pos + i & 1) != 0 : sign) d |= 1L << i;
        return d;
    }

    private static long inserted(long a, long b, long c, long e, int width) {
        int pos = (int) c & 0xff, len = (int) e & 0xff;
        for (int i = 0; i < len && pos + i < width; i++) b = b & ~(1L << pos + i) | (a >>> i & 1) << pos + i;
        return b;
    }

    @Test
    void counts() {
        agrees("popc.b32 %d, %a;", "b32", (a, b, c) -> Long.bitCount(a));
        agrees("clz.b32 %d, %a;", "b32", (a, b, c) -> Integer.numberOfLeadingZeros((int) a));
        agrees("brev.b32 %d, %a;", "b32", (a, b, c) -> Integer.reverse((int) a));
        agrees("brev.b64 %d, %a;", "b64", (a, b, c) -> Long.reverse(a));
        agrees("popc.b64 %n, %a; cvt.u64.u32 %d, %n;", "b64", (a, b, c) -> Long.bitCount(a));
        agrees("clz.b64 %n, %a; cvt.u64.u32 %d, %n;", "b64", (a, b, c) -> Long.numberOfLeadingZeros(a));
        agrees("bfind.u32 %d, %a;", "u32", (a, b, c) -> 31 - Integer.numberOfLeadingZeros((int) a));
        agrees("bfind.shiftamt.u32 %d, %a;", "u32", (a, b, c) -> a == 0 ? -1 : Integer.numberOfLeadingZeros((int) a));
        agrees("bfind.s32 %d, %a;", "s32", (a, b, c) -> 31 - Integer.numberOfLeadingZeros((int) (a < 0 ? ~a : a)));
    }

    @Test
    void bytes() {
        agrees(
                "prmt.b32 %d, %a, %b, %c;",
                "b32", (a, b, c) -> {
                    int out = 0;
                    for (int i = 0; i < 4; i++) {
                        int select = (int) (c >>> 4 * i) & 15, which = select & 7;
                        int value = (int) ((which < 4 ? a : b) >>> 8 * (which & 3)) & 0xff;
                        if (select > 7) value = value > 127 ? 255 : 0;
                        out |= value << 8 * i;
                    }
                    return out;
                });
        agrees(
                "dp4a.s32.u32 %d, %a, %b, %c;",
                "s32", (a, b, c) -> {
                    for (int i = 0; i < 4; i++) c += (byte) (a >>> 8 * i) * (int) (b >>> 8 * i & 0xff);
                    return c;
                });
        agrees(
                "dp2a.hi.s32.s32 %d, %a, %b, %c;",
                "s32", (a, b, c) -> c + (short) a * (byte) (b >>> 16) + (short) (a >>> 16) * (byte) (b >>> 24));
    }

    /** (a, b) + (b, c), then their difference, as numbers of 128 bits; and a full product. */
    @Test
    void carries() {
        agrees(
                "add.cc.u64 %x, %a, %b; addc.u64 %d, %b, %c;",
                "u64",
                (a, b, c) -> big("u64", b)
                        .shiftLeft(64)
                        .add(big("u64", a))
                        .add(big("u64", c).shiftLeft(64).add(big("u64", b)))
                        .shiftRight(64)
                        .longValue());
        agrees(
                "sub.cc.u32 %n, %a, %b; subc.u32 %d, %b, %c;",
                "u32", (a, b, c) -> ((b << 32) + a - ((c << 32) + b)) >> 32);
        agrees("mad.lo.cc.u32 %n, %a, %b, %c; madc.hi.u32 %d, %a, %b, 0;", "u32", (a, b, c) -> a * b + c >>> 32);
    }

    /** Every source and result may be one register. */
    @Test
    void inPlace() {
        agrees("prmt.b32 %a, %a, %a, 0x0123; mov.b32 %d, %a;", "b32", (a, b, c) -> Integer.reverseBytes((int) a));
        agrees("mad.lo.s32 %a, %a, %a, %a; mov.b32 %d, %a;", "s32", (a, b, c) -> a * a + a);
    }

    @Test
    void whatIsNotKnownIsAnErrorThatNamesIt() {
        assertThatThrownBy(() -> new Snippet("vadd.s32.s32.s32 %d, %a, %b;", "s32", "s32", "s32").of(1, 2))
                .isInstanceOf(PtxFault.class)
                .hasMessageContaining("unknown instruction in: vadd.s32.s32.s32 %d, %a, %b")
                .hasMessageContaining("PTX line");
        assertThatThrownBy(() -> new Snippet("add.strange.s32 %d, %a, %b;", "s32", "s32", "s32").of(1, 2))
                .hasMessageContaining("unknown .strange");
        assertThatThrownBy(() -> new Snippet("mov.u32 %d, %clock;", "u32", "u32").of(1))
                .hasMessageContaining("unknown register %clock");
        assertThatThrownBy(() -> new Snippet("add.s32 %d, %nothing, 1;", "s32", "s32").of(1))
                .hasMessageContaining("%nothing");
        assertThatThrownBy(() -> new Snippet("add.s64 %z, %x, %n;", "s32", "s32").of(1))
                .hasMessageContaining("%n is too narrow for S64");
        assertThatThrownBy(() -> new Snippet("bra NOWHERE;", "s32", "s32").of(1))
                .hasMessageContaining("unknown label NOWHERE");
        assertThatThrownBy(() -> PtxMachine.of(".version 8.0\n.target sm_80\n.surface x;"))
                .hasMessageContaining(".surface");
    }
}
