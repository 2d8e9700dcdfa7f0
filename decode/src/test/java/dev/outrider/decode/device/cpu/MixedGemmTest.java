package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Narrowing;
import dev.outrider.decode.device.Precision;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Products of BF16 against loops in double over the same rounded factors. Skipped on CPUs that do not multiply BF16. */
class MixedGemmTest {
    private static final int[] SIZES = {1, 2, 3, 13, 16, 31, 64, 100, 207};

    private Native memory;
    private CpuDevice device;

    @BeforeEach
    void open() {
        memory = new Native();
        assumeTrue(CoreType.multipliesBf16(CoreType.flags()), "this CPU does not multiply BF16");
        device = new CpuDevice(3, Precision.BF16);
    }

    @AfterEach
    void close() {
        if (device != null) device.close();
        memory.close();
    }

    private static int size(RandomGenerator random) {
        return SIZES[random.nextInt(SIZES.length)];
    }

    private Buffer rounded(Buffer x) {
        float[] values = Native.floats(x);
        for (int i = 0; i < values.length; i++) values[i] = Float.intBitsToFloat(Narrowing.bf16(values[i]) << 16);
        return memory.of(values);
    }

    @Test
    void productsAreThoseOfTheRoundedFactors() {
        Seeds.run(60, random -> {
            int m = size(random), n = size(random), k = size(random);
            boolean ta = random.nextBoolean(), tb = random.nextBoolean(), added = random.nextBoolean();
            Buffer a = memory.normal(random, m * k, 1), b = memory.normal(random, k * n, 1);
            Buffer c = memory.normal(random, m * n, added ? 1 : Float.NaN);
            double[] expected = Gemm.scalar(
                    ta,
                    tb,
                    Close.doubles(c),
                    rounded(a).address(),
                    ta ? m : k,
                    rounded(b).address(),
                    tb ? k : n,
                    m,
                    n,
                    k,
                    added ? 1 : 0);
            MixedGemm.Factor left = MixedGemm.Factor.f32(a.address()), right = factor(b, random.nextBoolean());
            device.mixed().product(ta, tb, c.address(), left, right, m, n, k, added);
            Close.to(expected, c, 1e-6 * Math.sqrt(k));
        });
    }

    // Stored as BF16 it is taken as it is.
    private MixedGemm.Factor factor(Buffer b, boolean stored) {
        return stored
                ? new MixedGemm.Factor(DType.BF16, memory.bf16(rounded(b)).address())
                : MixedGemm.Factor.f32(b.address());
    }

    /** However the factors lie, and whether the output is cut along its rows or its columns. */
    @Test
    void bitsDoNotDependOnThreads() {
        Seeds.run(2, random -> {
            for (int kind = 0; kind < 8; kind++) {
                boolean ta = (kind & 1) > 0, tb = (kind & 2) > 0, tall = (kind & 4) > 0;
                int few = 100 + random.nextInt(100), many = 300 + random.nextInt(300), k = 300 + random.nextInt(600);
                int m = tall ? many : few, n = tall ? few : many;
                Buffer a = memory.normal(random, m * k, 1), b = memory.normal(random, k * n, 1);
                float[] alone = product(1, ta, tb, a, b, m, n, k);
                for (int threads : new int[] {2, 3, 5}) {
                    assertThat(product(threads, ta, tb, a, b, m, n, k))
                            .as("%d threads, %b %b %b", threads, ta, tb, tall)
                            .isEqualTo(alone);
                }
            }
        });
    }

    private float[] product(int threads, boolean ta, boolean tb, Buffer a, Buffer b, int m, int n, int k) {
        Buffer c = memory.zeros(m * n);
        try (CpuDevice own = new CpuDevice(threads, Precision.BF16)) {
            var left = MixedGemm.Factor.f32(a.address());
            own.mixed().product(ta, tb, c.address(), left, MixedGemm.Factor.f32(b.address()), m, n, k, false);
        }
        return Native.floats(c);
    }

    /** Training that leaves padding out never asks for the same shape twice. */
    @Test
    void moreShapesThanAreKept() {
        Buffer a = memory.normal(Seeds.generator(1), 300 * 8, 1), c = memory.zeros(300 * 8);
        for (int round = 0; round < 2; round++) {
            for (int m = 1; m <= 300; m++) {
                Buffer expected = memory.of(product(1, false, true, a, a, m, 8, 8));
                var factor = MixedGemm.Factor.f32(a.address());
                device.mixed().product(false, true, c.address(), factor, factor, m, 8, 8, false);
                assertThat(Native.floats(c.slice(0, 8L * m))).isEqualTo(Native.floats(expected));
            }
        }
    }

    @Test
    void roundingIsToTheNearest() {
        RandomGenerator random = Seeds.generator(2);
        float[] values = new float[1003];
        for (int i = 0; i < values.length; i++) values[i] = Float.intBitsToFloat(random.nextInt());
        int[] special = {
            0, 0x80000000, 0x7f800000, 0xff800000, 0x7f7fffff, 0x00000001, 0x3f808000, 0x3f818000, 0x3f808001
        };
        for (int i = 0; i < special.length; i++) values[7 * i] = Float.intBitsToFloat(special[i]);
        int[] none = {0x7fc00000, 0x7fffffff, 0xffffffff, 0x7f800001};
        for (int i = 0; i < none.length; i++) values[5 * i + 500] = Float.intBitsToFloat(none[i]);
        Buffer from = memory.of(values), to = memory.bf16(memory.zeros(values.length));
        MixedGemm.narrowRow(to.address(), from.address(), values.length);
        for (int i = 0; i < values.length; i++) {
            float expected = Float.intBitsToFloat(Narrowing.bf16(values[i]) << 16), found = Native.value(to, i);
            assertThat(found).as("%s at %d", values[i], i).isEqualTo((Float) expected);
        }
    }

    /** Widened as they always are. */
    @Test
    void weightsInF16AreNotMixed() {
        RandomGenerator random = Seeds.generator(3);
        int in = 96, out = 70;
        Buffer x = memory.normal(random, 40 * in, 1), w = memory.f16(memory.normal(random, out * in, 1));
        Buffer y = memory.zeros(40 * out), expected = memory.zeros(40 * out);
        device.linear(y, x, w, 40, in, out, 0);
        try (CpuDevice plain = new CpuDevice(3)) {
            plain.linear(expected, x, w, 40, in, out, 0);
        }
        assertThat(Native.floats(y)).isEqualTo(Native.floats(expected));
    }

    @Test
    void theDeviceSaysSoAndItsRateIsThatOfAComputer() {
        assertThat(device.name()).contains("BF16");
        assertThat(GemmRate.gflops(device, Precision.BF16, new GemmRate.Shape(64, 256, 256)))
                .isBetween(0.1, 1e5);
    }
}
