package dev.outrider.decode.device.cuda;

import static dev.outrider.decode.device.cuda.CudaDriverTest.failsWith;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.cuda.CudaLibraries.Part;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** NVIDIA's own driver: that its functions are bound and errors are called what we take them for; and, where there is a card, that it computes. */
@Tag("card")
class RealDriverTest {
    private static final String SOURCE = """
            extern "C" __global__ void add(float* x, int n, float by, double times) {
                int i = blockIdx.x * blockDim.x + threadIdx.x;
                if (i < n) x[i] = (float) ((x[i] + by) * times);
            }
            """;
    private static final int ROUNDS = 1000;

    private static final String NO_CARD = "skipped: the CUDA driver sees no card";
    private static boolean said;

    /** What is tested on a card, tried on the fake one first: its PTX only says what there is. */
    private final FakeDriver fake = new FakeDriver(new Add());

    private final byte[] fakeImage =
            ".version 8.0\n.entry add(.param .u64 a, .param .u32 b, .param .f32 c, .param .f64 d) { ret; }".getBytes();

    private static final class Add implements FakeDriver.Kernels {
        @Override
        public void load(long module, String ptx) {}

        @Override
        public void launch(long module, String function, int[] grid, int[] block, int shared, MemorySegment params) {
            int n = Math.min(params.get(ValueLayout.JAVA_INT, 8), grid[0] * block[0]);
            float by = params.get(ValueLayout.JAVA_FLOAT, 12);
            double times = params.get(ValueLayout.JAVA_DOUBLE, 16);
            MemorySegment x = FakeLibrary.memory(params.get(ValueLayout.JAVA_LONG, 0), 4L * n);
            for (int i = 0; i < n; i++)
                x.setAtIndex(
                        ValueLayout.JAVA_FLOAT, i, (float) ((x.getAtIndex(ValueLayout.JAVA_FLOAT, i) + by) * times));
        }
    }

    private static SymbolLookup library() {
        return RealLibraries.all(Part.DRIVER, "libcuda.so.1").getFirst();
    }

    private static CudaDriver driver() {
        CudaDriver driver = CudaDriver.of(library());
        if (driver.count() == 0 && !said) System.out.println(NO_CARD);
        said |= driver.count() == 0;
        assumeTrue(driver.count() > 0, NO_CARD);
        return driver;
    }

    @Test
    void errorsByTheirNames() {
        DriverApi api = new DriverApi(library());
        Map.ofEntries(
                        Map.entry(2, "OUT_OF_MEMORY"),
                        Map.entry(100, "NO_DEVICE"),
                        Map.entry(101, "INVALID_DEVICE"),
                        Map.entry(200, "INVALID_IMAGE"),
                        Map.entry(209, "NO_BINARY_FOR_GPU"),
                        Map.entry(214, "ECC_UNCORRECTABLE"),
                        Map.entry(218, "INVALID_PTX"),
                        Map.entry(222, "UNSUPPORTED_PTX_VERSION"),
                        Map.entry(500, "NOT_FOUND"),
                        Map.entry(700, "ILLEGAL_ADDRESS"),
                        Map.entry(714, "HARDWARE_STACK_ERROR"),
                        Map.entry(715, "ILLEGAL_INSTRUCTION"),
                        Map.entry(716, "MISALIGNED_ADDRESS"),
                        Map.entry(717, "INVALID_ADDRESS_SPACE"),
                        Map.entry(718, "INVALID_PC"),
                        Map.entry(719, "LAUNCH_FAILED"),
                        Map.entry(803, "SYSTEM_DRIVER_MISMATCH"),
                        Map.entry(804, "COMPAT_NOT_SUPPORTED_ON_DEVICE"))
                .forEach((status, name) -> assertThat(api.failure("cuCall", status))
                        .hasMessageMatching(
                                "(?s)the CUDA driver: found CUDA_ERROR_" + name + " \\(.+\\) from cuCall; .*"));
        assertThat(api.failure("cuCall", 123_456)).hasMessageContaining("found error 123456 from cuCall");
    }

    private static byte[] image(CudaCard card) {
        int own = 10 * card.major() + card.minor();
        Nvrtc nvrtc = Nvrtcs.all().stream()
                .filter(n -> Arrays.stream(n.architectures()).anyMatch(a -> a == own))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no NVRTC here knows " + card.arch()));
        return nvrtc.cubin(SOURCE, "add.cu", card.arch(), List.of());
    }

    @Test
    void kernelsAndGraphs() {
        kernelsAndGraphs(CudaDriver.of(fake.symbols()), fakeImage);
    }

    @Test
    void kernelsAndGraphsOnTheCard() {
        kernelsAndGraphs(driver(), image(driver().card(0)));
    }

    private static void kernelsAndGraphs(CudaDriver driver, byte[] image) {
        try (CudaContext context = driver.context(0)) {
            int n = 100_000;
            float[] x = Seeds.normal(Seeds.generator(1), n, 1), y = new float[n];
            long device = context.allocate(4L * n);
            context.upload(MemorySegment.ofArray(x), device, 4L * n);
            CudaFunction add = context.load(image).function("add");
            add.launch((n + 255) / 256, 1, 256, 0, device, n, 0.5f, -2.0);
            PinnedMemory first = context.pin(4);
            CudaGraph graph = context.capture(() -> {
                add.launch((n + 127) / 128, 1, 128, 64 << 10, device, n, 1f, 3.0);
                context.fetch(device, first, 0, 4);
            });
            graph.launch();
            graph.launch();
            context.download(device, MemorySegment.ofArray(y), 4L * n);
            for (int i = 0; i < n; i++) {
                float expected = (float) ((x[i] + 0.5f) * -2.0);
                for (int round = 0; round < 2; round++) expected = (float) ((expected + 1f) * 3.0);
                if (y[i] != expected) assertThat(y[i]).as("%d", i).isEqualTo(expected);
            }
            assertThat(first.segment().get(ValueLayout.JAVA_FLOAT, 0)).isEqualTo(y[0]);
            failsWith(
                    () -> context.allocate(1L << 50),
                    Failure.Kind.MACHINE,
                    "no room",
                    context.card().name());
        }
    }

    @Test
    void products() {
        products(CudaDriver.of(fake.symbols()), new FakeBlas(fake).symbols());
    }

    @Test
    void productsOnTheCard() {
        products(
                driver(),
                RealLibraries.all(Part.CUBLASLT, "libcublasLt.so.12", "libcublasLt.so.13")
                        .getFirst());
    }

    private static void products(CudaDriver driver, SymbolLookup library) {
        try (CudaContext context = driver.context(0);
                CublasLt blas = CublasLt.of(library, context)) {
            int m = 64, n = 48, k = 80;
            float[] a = Seeds.normal(Seeds.generator(2), m * k, 1), b = Seeds.normal(Seeds.generator(3), n * k, 1);
            float[] y = new float[m * n];
            long da = context.allocate(4L * m * k),
                    db = context.allocate(4L * n * k),
                    dy = context.allocate(4L * m * n);
            context.upload(MemorySegment.ofArray(a), da, 4L * m * k);
            context.upload(MemorySegment.ofArray(b), db, 4L * n * k);
            blas.plan(BlasShape.of(DType.F32, false, true, m, n, k)).run(2, da, db, 0, dy);
            context.download(dy, MemorySegment.ofArray(y), 4L * m * n);
            for (int i = 0; i < m; i++)
                for (int j = 0; j < n; j++) {
                    double sum = 0;
                    for (int l = 0; l < k; l++) sum += 2.0 * a[i * k + l] * b[j * k + l];
                    assertThat((double) y[i * n + j]).isCloseTo(sum, within(1e-3));
                }
        }
    }

    @Test
    void aThousandRoundsLeaveNothing() {
        rounds(CudaDriver.of(fake.symbols()), fakeImage);
        assertThat(fake.leaks()).isEmpty();
        assertThat(fake.complaints).isEmpty();
    }

    @Test
    void aThousandRoundsLeaveNothingOnTheCard() {
        rounds(driver(), image(driver().card(0)));
    }

    private static void rounds(CudaDriver driver, byte[] image) {
        try (CudaContext outer = driver.context(0)) {
            round(driver, image); // the driver keeps what the first needs
            long before = outer.freeBytes();
            for (int i = 0; i < ROUNDS; i++) round(driver, image);
            // A leak of one block a round would be ten times that; other programs may be at work, too.
            assertThat(outer.freeBytes()).isGreaterThan(before - ROUNDS * (1L << 20) / 10);
        }
    }

    private static void round(CudaDriver driver, byte[] image) {
        try (CudaContext context = driver.context(0)) {
            long device = context.allocate(1 << 20);
            context.zero(device, 1 << 20);
            CudaFunction add = context.load(image).function("add");
            context.capture(() -> add.launch(1, 1, 32, 0, device, 32, 1f, 1.0)).launch();
            context.download(device, MemorySegment.ofArray(new float[1]), 4);
        }
    }
}
