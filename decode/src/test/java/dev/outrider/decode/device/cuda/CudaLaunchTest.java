package dev.outrider.decode.device.cuda;

import static dev.outrider.decode.device.cuda.CudaDriverTest.failsWith;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Modules, launches and graphs: what arrives at the driver, and what becomes of failures. */
class CudaLaunchTest {
    /** One kernel of every kind of argument; add 1 to an int; one that goes wrong. */
    private static final String PTX = """
            .version 8.0
            .target sm_80
            .address_size 64
            .visible .entry mixed(
                .param .u32 mixed_param_0,
                .param .u64 .ptr .global .align 1 mixed_param_1,
                .param .f32 mixed_param_2,
                .param .f64 mixed_param_3,
                .param .align 4 .b8 mixed_param_4[8]
            )
            .maxntid 256, 1, 1
            { ret; }
            .visible .entry increment(.param .u64 increment_param_0) { ret; }
            .visible .entry broken() { trap; }
            """;

    private final List<String> log = new ArrayList<>();
    private final FakeDriver fake = new FakeDriver(new FakeDriver.Kernels() {
        @Override
        public void load(long module, String ptx) {
            if (!ptx.startsWith(".version")) throw new IllegalArgumentException("Missing .version directive");
        }

        @Override
        public void launch(long module, String function, int[] grid, int[] block, int shared, MemorySegment params) {
            if (function.equals("broken")) throw new IllegalStateException("load from address 0");
            if (function.equals("increment")) increment(params.get(ValueLayout.JAVA_LONG, 0));
            else log.add(Arrays.toString(grid) + Arrays.toString(block) + shared + mixed(params));
        }
    });
    private final CudaContext context = CudaDriver.of(fake.symbols()).context(0);

    private static void increment(long address) {
        FakeLibrary.putInt(address, FakeLibrary.intAt(address) + 1);
    }

    // Aligned as PTX has it: int at 0, pointer at 8, float at 16, double at 24, two ints at 32.
    private static String mixed(MemorySegment params) {
        assertThat(params.byteSize()).isEqualTo(40);
        return " " + params.get(ValueLayout.JAVA_INT, 0) + " " + params.get(ValueLayout.JAVA_LONG, 8) + " "
                + params.get(ValueLayout.JAVA_FLOAT, 16) + " " + params.get(ValueLayout.JAVA_DOUBLE, 24) + " "
                + params.get(ValueLayout.JAVA_INT, 32) + " " + params.get(ValueLayout.JAVA_INT, 36);
    }

    @AfterEach
    void nothingIsLeft() {
        context.close();
        assertThat(fake.leaks()).isEmpty();
        assertThat(fake.complaints).isEmpty();
    }

    @Test
    void argumentsArriveAsTheyAreGiven() {
        CudaFunction mixed = context.load(PTX).function("mixed");
        assertThat(mixed.name()).isEqualTo("mixed");
        mixed.launch(3, 2, 64, 128, 7, 1L << 40, 0.5f, -2.25, 11L | 13L << 32);
        mixed.launch3d(1, 2, 3, 4, 5, 6, 0, -7, 0L, Float.MAX_VALUE, Double.MIN_VALUE, 0L);
        assertThat(log).isEmpty(); // the card works when it likes
        context.synchronize();
        assertThat(log)
                .containsExactly(
                        "[3, 2, 1][64, 1, 1]128 7 1099511627776 0.5 -2.25 11 13",
                        "[1, 2, 3][4, 5, 6]0 -7 0 3.4028235E38 4.9E-324 0 0");
    }

    @Test
    void argumentsOfOtherTypes() {
        CudaFunction mixed = context.load(PTX).function("mixed");
        assertThatThrownBy(() -> mixed.launch(1, 1, 1, 0, "seven"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("String");
        assertThatThrownBy(() -> mixed.launch(1, 1, 1, 0, new Object[LaunchArguments.MOST + 1]))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void moreSharedMemoryThanUsualIsAskedForOnce() {
        CudaFunction increment = context.load(PTX).function("increment");
        long counter = zeros(4);
        for (int shared : new int[] {48 << 10, 100 << 10, 100 << 10, 64 << 10, 227 << 10})
            increment.launch(1, 1, 32, shared, counter);
        assertThat(fake.calls("cuFuncSetAttribute")).isEqualTo(2);
        assertThat(value(counter)).isEqualTo(5);
        failsWith(
                () -> increment.launch(1, 1, 32, (227 << 10) + 1, counter),
                Failure.Kind.MACHINE,
                "GPU 0",
                "232448 bytes of shared memory",
                "232449 for kernel increment");
    }

    private long zeros(int bytes) {
        long device = context.allocate(bytes);
        context.zero(device, bytes);
        return device;
    }

    private int value(long device) {
        int[] one = new int[1];
        context.download(device, MemorySegment.ofArray(one), 4);
        return one[0];
    }

    @Test
    void aGraphDoesAgainWhatWasCaptured() {
        CudaFunction increment = context.load(PTX).function("increment");
        long counter = zeros(4), copy = zeros(4);
        PinnedMemory seen = context.pin(8);
        seen.segment().fill((byte) 0);
        CudaGraph graph = context.capture(() -> {
            increment.launch(1, 1, 1, 0, counter);
            context.send(seen, 4, copy, 4);
            increment.launch(1, 1, 1, 0, counter);
            context.fetch(counter, seen, 0, 4);
        });
        assertThat(value(counter)).isZero(); // nothing has run
        for (int round = 1; round <= 3; round++) {
            seen.segment().set(ValueLayout.JAVA_INT, 4, 100 + round); // what is sent is read at each launch
            graph.launch();
            context.synchronize();
            assertThat(seen.segment().get(ValueLayout.JAVA_INT, 0)).isEqualTo(2 * round);
            assertThat(value(copy)).isEqualTo(100 + round);
        }
        graph.close();
        graph.close();
        failsWith(graph::launch, Failure.Kind.MACHINE, "INVALID_HANDLE", "cuGraphLaunch");
        fake.complaints.clear();
    }

    @Test
    void whatCannotBeCaptured() {
        CudaModule module = context.load(PTX);
        long device = zeros(4);
        MemorySegment host = MemorySegment.ofArray(new byte[4]);
        PinnedMemory pinned = context.pin(4);
        CudaGraph empty = context.capture(() -> {});
        List<Runnable> all = List.of(
                () -> context.allocate(4),
                () -> context.free(device),
                () -> context.upload(host, device, 4),
                () -> context.download(device, host, 4),
                context::synchronize,
                () -> context.load(PTX),
                () -> context.pin(4),
                pinned::close,
                module::close,
                empty::launch,
                empty::close,
                context::timer,
                () -> context.capture(() -> {}));
        for (Runnable one : all) {
            assertThatThrownBy(() -> context.capture(one))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("cannot be captured");
        }
        empty.launch(); // and the stream is as before
        context.synchronize();
    }

    @Test
    void aCaptureThatFailsLeavesNoGraph() {
        CudaFunction increment = context.load(PTX).function("increment");
        long counter = zeros(4);
        assertThatThrownBy(() -> context.capture(() -> {
                    increment.launch(1, 1, 1, 0, counter);
                    throw new UnsupportedOperationException("on purpose");
                }))
                .hasMessage("on purpose");
        fake.fail("cuGraphInstantiateWithFlags", 1, FakeDriver.UNKNOWN);
        failsWith(() -> context.capture(() -> {}), Failure.Kind.MACHINE, "cuGraphInstantiateWithFlags");
        assertThat(fake.leaks()).doesNotContain("graphs");
        increment.launch(1, 1, 1, 0, counter);
        assertThat(value(counter)).isEqualTo(1);
    }

    @Test
    void anImageThatDoesNotLoadSaysWhatTheDriverSaid() {
        failsWith(
                () -> context.load("nonsense"),
                Failure.Kind.MACHINE,
                "CUDA_ERROR_INVALID_PTX",
                "cuModuleLoadDataEx",
                "Missing .version directive",
                "update the NVIDIA driver");
    }

    @Test
    void aKernelThatIsNotThere() {
        CudaModule module = context.load(PTX);
        failsWith(() -> module.function("gone"), Failure.Kind.MACHINE, "CUDA_ERROR_NOT_FOUND", "no kernel gone");
        CudaFunction increment = module.function("increment");
        module.close();
        module.close();
        failsWith(() -> increment.launch(1, 1, 1, 0, 0L), Failure.Kind.MACHINE, "INVALID_HANDLE", "cuLaunchKernel");
        fake.complaints.clear();
    }

    @Test
    void aKernelThatGoesWrongIsReportedWhenItIsWaitedForAndAllIsReleased() {
        CudaFunction broken = context.load(PTX).function("broken");
        context.upload(MemorySegment.ofArray(new byte[4]), zeros(4), 4);
        broken.launch(1, 1, 1, 0);
        failsWith(context::synchronize, Failure.Kind.MACHINE, "CUDA_ERROR_ILLEGAL_ADDRESS", "cuStreamSynchronize");
        failsWith(() -> context.allocate(4), Failure.Kind.MACHINE, "ILLEGAL_ADDRESS", "lost to this process");
        assertThatThrownBy(context::close).isInstanceOf(Failure.class);
        assertThat(fake.leaks()).isEmpty();
        assertThat(fake.complaints).containsExactly("broken: java.lang.IllegalStateException: load from address 0");
        fake.complaints.clear();
    }
}
