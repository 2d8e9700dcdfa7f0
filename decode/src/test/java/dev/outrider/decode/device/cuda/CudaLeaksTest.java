package dev.outrider.decode.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import java.lang.foreign.MemorySegment;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Nothing is left on the card: not after a thousand rounds, and not where any single call fails. */
class CudaLeaksTest {
    private static final String PTX = ".version 8.0\n.visible .entry nothing(.param .u64 p) { ret; }\n";
    private static final int ROUNDS = 1000;

    private final FakeDriver fake = new FakeDriver();
    private final FakeBlas blas = new FakeBlas(fake);

    /** Everything once; half of it is left for the context to release. */
    private void everything(CudaContext context) {
        long a = context.allocate(64), b = context.allocate(64);
        context.upload(MemorySegment.ofArray(new float[16]), a, 64);
        context.zero(b, 64);
        context.copy(a, b, 64);
        CudaFunction nothing = context.load(PTX).function("nothing");
        nothing.launch(1, 1, 32, 64 << 10, a);
        PinnedMemory pinned = context.pin(16);
        CudaGraph graph = context.capture(() -> {
            nothing.launch(1, 1, 32, 0, b);
            context.fetch(b, pinned, 0, 16);
        });
        graph.launch();
        CublasLt lt = CublasLt.of(blas.symbols(), context, 1024);
        lt.plan(BlasShape.of(DType.F32, false, true, 2, 2, 2)).run(1, a, a, 0, b);
        try (CudaTimer timer = context.timer();
                CudaModule second = context.load(PTX);
                CublasLt other = CublasLt.of(blas.symbols(), context, 1024)) {
            other.plan(BlasShape.of(DType.BF16, false, false, 2, 2, 2)).run(1, a, a, 1, b);
            timer.start();
            second.function("nothing").launch(1, 1, 1, 0, a);
            timer.stop();
        }
        context.timer();
        context.capture(() -> {}).close();
        context.free(a);
        context.download(b, MemorySegment.ofArray(new float[16]), 64);
    }

    @Test
    void aThousandRoundsLeaveNothing() {
        CudaDriver driver = CudaDriver.of(fake.symbols());
        for (int round = 0; round < ROUNDS; round++) {
            try (CudaContext context = driver.context(0)) {
                everything(context);
                assertThat(fake.leaks()).isNotEmpty();
            }
            assertThat(fake.leaks()).isEmpty();
            assertThat(blas.leaks()).isZero();
        }
        assertThat(fake.complaints).isEmpty();
        assertThat(blas.complaints).isEmpty();
    }

    @Test
    void aThousandRoundsWithinOneContext() {
        try (CudaContext context = CudaDriver.of(fake.symbols()).context(0)) {
            context.upload(MemorySegment.ofArray(new byte[8]), context.allocate(8), 8); // makes what is kept
            context.download(context.allocate(8), MemorySegment.ofArray(new byte[8]), 8);
            String before = fake.leaks();
            for (int round = 0; round < ROUNDS; round++) {
                long device = context.allocate(1 << 10);
                try (CudaModule module = context.load(PTX);
                        PinnedMemory pinned = context.pin(16);
                        CudaTimer timer = context.timer();
                        CublasLt lt = CublasLt.of(blas.symbols(), context, 1024);
                        CudaGraph graph = context.capture(() -> context.send(pinned, 0, device, 16))) {
                    lt.plan(BlasShape.of(DType.F32, false, true, 2, 2, 2));
                    module.function("nothing");
                    graph.launch();
                    timer.start();
                }
                context.free(device);
            }
            assertThat(fake.leaks()).isEqualTo(before);
            assertThat(blas.leaks()).isZero();
        }
        assertThat(fake.leaks()).isEmpty();
    }

    // Where the call that fails is itself one that releases, its thing is lost: that cannot be helped.
    private static final Set<String> RELEASING = Set.of(
            "cuMemFree_v2",
            "cuMemFreeHost",
            "cuModuleUnload",
            "cuStreamDestroy_v2",
            "cuEventDestroy_v2",
            "cuGraphDestroy",
            "cuGraphExecDestroy",
            "cuDevicePrimaryCtxRelease_v2");

    @Test
    void whateverCallFailsAllElseIsReleased() {
        CudaDriver driver = CudaDriver.of(fake.symbols());
        int start = fake.totalCalls();
        try (CudaContext context = driver.context(0)) {
            everything(context);
        }
        int calls = fake.totalCalls() - start;
        Set<String> failed = new TreeSet<>();
        for (int n = 1; n <= calls; n++) {
            fake.failAny(n, FakeDriver.UNKNOWN);
            assertThatThrownBy(() -> {
                        try (CudaContext context = driver.context(0)) {
                            everything(context);
                        }
                    })
                    .as("call %d of %d", n, calls)
                    .isInstanceOfSatisfying(Failure.class, f -> failed.add(f.getMessage()));
            String name = fake.lastFailed();
            assertThat(fake.leaks().isEmpty() || RELEASING.contains(name))
                    .as("%s, call %d: %s", name, n, fake.leaks())
                    .isTrue();
            fake.dropAll();
            blas.dropAll();
        }
        assertThat(failed).hasSizeGreaterThan(20);
        assertThat(fake.complaints).isEmpty();
    }

    @Test
    void whateverCallOfCublasFailsAllElseIsReleased() {
        CudaDriver driver = CudaDriver.of(fake.symbols());
        try (CudaContext context = driver.context(0)) {
            everything(context);
        }
        int calls = blas.totalCalls();
        for (int n = 1; n <= calls; n++) {
            blas.failAny(n, FakeBlas.INTERNAL_ERROR);
            assertThatThrownBy(() -> {
                        try (CudaContext context = driver.context(0)) {
                            everything(context);
                        }
                    })
                    .as("call %d of %d", n, calls)
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("from cublasLt");
            assertThat(fake.leaks()).isEmpty();
            assertThat(blas.leaks() == 0 || blas.lastFailed().contains("Destroy"))
                    .as("%s, call %d: %d", blas.lastFailed(), n, blas.leaks())
                    .isTrue();
            blas.dropAll();
        }
        assertThat(blas.complaints).isEmpty();
    }
}
