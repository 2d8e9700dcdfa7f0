package dev.outrider.decode.device.cuda;

import static dev.outrider.decode.device.cuda.CudaDriverTest.failsWith;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import java.lang.foreign.MemorySegment;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Row-major products asked of a column-major library, against plain loops. */
class CublasLtTest {
    private final FakeDriver fake = new FakeDriver();
    private final FakeBlas fakeBlas = new FakeBlas(fake);
    private final CudaContext context = CudaDriver.of(fake.symbols()).context(0);
    private final CublasLt blas = CublasLt.of(fakeBlas.symbols(), context, 1 << 16);

    @AfterEach
    void nothingIsLeft() {
        blas.close();
        blas.close();
        context.close();
        assertThat(fake.leaks()).isEmpty();
        assertThat(fakeBlas.leaks()).isZero();
        assertThat(fake.complaints).isEmpty();
        assertThat(fakeBlas.complaints).isEmpty();
    }

    @Test
    void version() {
        assertThat(blas.version()).isEqualTo("12.8.4");
    }

    @Test
    void products() {
        Seeds.run(60, random -> product(random, shape(random)));
    }

    private static BlasShape shape(RandomGenerator random) {
        DType type = new DType[] {DType.F32, DType.BF16, DType.F16}[random.nextInt(3)];
        boolean ta = random.nextBoolean(), tb = random.nextBoolean();
        int m = random.nextInt(1, 7), n = random.nextInt(1, 7), k = random.nextInt(1, 9);
        int lda = (ta ? m : k) + random.nextInt(3), ldb = (tb ? k : n) + random.nextInt(3), ldy = n + random.nextInt(3);
        int batch = random.nextInt(1, 4);
        long strideA = random.nextInt(3) == 0 ? 0 : (long) (ta ? k : m) * lda + random.nextInt(4);
        long strideB = random.nextInt(3) == 0 ? 0 : (long) (tb ? n : k) * ldb + random.nextInt(4);
        return new BlasShape(
                type, ta, tb, m, n, k, lda, ldb, ldy, batch, strideA, strideB, (long) m * ldy + random.nextInt(4));
    }

    private void product(RandomGenerator random, BlasShape s) {
        float[] a = values(random, s.type(), s.batch() * (s.strideA() + 1) + (long) (s.m() + s.k()) * s.lda());
        float[] b = values(random, s.type(), s.batch() * (s.strideB() + 1) + (long) (s.n() + s.k()) * s.ldb());
        float[] y = values(random, DType.F32, (s.batch() - 1) * s.strideY() + (long) s.m() * s.ldy());
        float alpha = random.nextFloat(-2, 2), beta = random.nextInt(3) == 0 ? 0 : random.nextFloat(-1, 1);
        // Not every matrix begins where an allocation does.
        int shift = 4 * random.nextInt(5);
        long da = upload(s.type(), a, shift), db = upload(s.type(), b, 0), dy = upload(DType.F32, y, 0);
        blas.plan(s).run(alpha, da, db, beta, dy);
        float[] found = new float[y.length];
        context.download(dy, MemorySegment.ofArray(found), 4L * y.length);
        float[] expected = y.clone();
        for (int i = 0; i < s.batch(); i++) plain(s, i, alpha, a, b, beta, expected);
        assertThat(found).containsExactly(expected, within(1e-4f));
        for (long each : new long[] {da - shift, db, dy}) context.free(each);
    }

    // y = alpha op(a) op(b) + beta y, as BlasShape says it.
    private static void plain(BlasShape s, int batch, float alpha, float[] a, float[] b, float beta, float[] y) {
        int atA = (int) (batch * s.strideA()), atB = (int) (batch * s.strideB()), atY = (int) (batch * s.strideY());
        for (int i = 0; i < s.m(); i++)
            for (int j = 0; j < s.n(); j++) {
                double sum = 0;
                for (int l = 0; l < s.k(); l++)
                    sum += (double) a[atA + (s.transposeA() ? l * s.lda() + i : i * s.lda() + l)]
                            * b[atB + (s.transposeB() ? j * s.ldb() + l : l * s.ldb() + j)];
                int at = atY + i * s.ldy() + j;
                y[at] = (float) (alpha * sum + (beta == 0 ? 0 : beta * y[at]));
            }
    }

    private static float[] values(RandomGenerator random, DType type, long count) {
        float[] all = Seeds.normal(random, (int) count, 1);
        for (int i = 0; i < all.length; i++) all[i] = rounded(type, all[i]);
        return all;
    }

    private static float rounded(DType type, float x) {
        return switch (type) {
            case BF16 -> Float.intBitsToFloat(Float.floatToRawIntBits(x) & 0xffff0000);
            case F16 -> Float.float16ToFloat(Float.floatToFloat16(x));
            default -> x;
        };
    }

    private long upload(DType type, float[] values, int shift) {
        int bytes = type == DType.F32 ? 4 : 2;
        long device = context.allocate((long) bytes * values.length + shift) + shift;
        if (type == DType.F32) {
            context.upload(MemorySegment.ofArray(values), device, 4L * values.length);
            return device;
        }
        short[] half = new short[values.length];
        for (int i = 0; i < half.length; i++)
            half[i] = type == DType.BF16
                    ? (short) (Float.floatToRawIntBits(values[i]) >>> 16)
                    : Float.floatToFloat16(values[i]);
        context.upload(MemorySegment.ofArray(half), device, 2L * half.length);
        return device;
    }

    /** Rows without padding: a shape for every step. */
    @Test
    void plansOfShapesAskedForLongAgoAreReleased() {
        for (int rows = 1; rows <= 1024; rows++) blas.plan(BlasShape.of(DType.F32, false, true, rows, 3, 4));
        int full = fakeBlas.leaks();
        for (int rows = 1025; rows <= 3000; rows++) blas.plan(BlasShape.of(DType.F32, false, true, rows, 3, 4));
        assertThat(fakeBlas.leaks()).isEqualTo(full);
    }

    @Test
    void aPlanIsMadeOnceAShapeAndAnAlgorithmOnceAnAlignment() {
        BlasShape shape = BlasShape.of(DType.F32, false, true, 2, 3, 4);
        long memory = context.allocate(1024);
        BlasPlan plan = blas.plan(shape);
        assertThat(blas.plan(BlasShape.of(DType.F32, false, true, 2, 3, 4))).isSameAs(plan);
        assertThat(plan.shape()).isEqualTo(shape);
        plan.run(1, memory, memory, 0, memory + 256);
        assertThat(fakeBlas.alignment).isEqualTo(256);
        plan.run(1, memory + 4, memory, 0, memory + 256);
        assertThat(fakeBlas.alignment).isEqualTo(4);
        plan.run(1, memory, memory + 16, 0, memory + 256);
        assertThat(fakeBlas.alignment).isEqualTo(16);
        int calls = fakeBlas.totalCalls();
        plan.run(1, memory + 4, memory, 0, memory + 256);
        plan.run(1, memory, memory + 16, 0, memory + 256);
        assertThat(fakeBlas.totalCalls()).isEqualTo(calls + 2);
    }

    @Test
    void inAGraph() {
        long x = upload(DType.F32, new float[] {1, 2, 3, 4}, 0), y = upload(DType.F32, new float[4], 0);
        BlasPlan plan = blas.plan(BlasShape.of(DType.F32, false, false, 2, 2, 2));
        CudaGraph graph = context.capture(() -> plan.run(1, x, x, 1, y));
        graph.launch();
        graph.launch();
        float[] found = new float[4];
        context.download(y, MemorySegment.ofArray(found), 16);
        assertThat(found).containsExactly(14, 20, 30, 44);
    }

    @Test
    void shapesThatAreNone() {
        assertThatThrownBy(() -> BlasShape.of(DType.F32, false, false, 0, 1, 1)).hasMessageContaining("0 x 1 x 1");
        assertThatThrownBy(() -> BlasShape.of(DType.I8, false, false, 1, 1, 1)).hasMessageContaining("I8");
        assertThatThrownBy(() -> new BlasShape(DType.F32, false, true, 2, 3, 4, 4, 3, 3, 1, 0, 0, 0))
                .hasMessageContaining("overlap");
    }

    @Test
    void noWayToDoIt() {
        fakeBlas.able = false;
        long memory = context.allocate(64);
        BlasPlan plan = blas.plan(BlasShape.of(DType.F32, false, true, 2, 2, 2));
        failsWith(
                () -> plan.run(1, memory, memory, 0, memory),
                Failure.Kind.MACHINE,
                "cuBLASLt",
                "status 15 (the functionality is not supported)",
                "m=2");
    }

    @Test
    void noRoomForTheWorkspace() {
        failsWith(() -> CublasLt.of(fakeBlas.symbols(), context, 1L << 40), Failure.Kind.MACHINE, "no room", "GPU 0");
        long used = fake.device.used();
        fakeBlas.fail("cublasLtCreate", 1, FakeBlas.ALLOCATION_FAILED);
        failsWith(() -> CublasLt.of(fakeBlas.symbols(), context), Failure.Kind.MACHINE, "status 3", "smaller model");
        assertThat(fake.device.used()).isEqualTo(used);
    }
}
