package dev.outrider.decode.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.device.cuda.ptx.PtxMachine;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** From CUDA C++ through the compiler, the bindings and a pretended driver to PtxMachine, and back. */
class PtxDriverTest {
    private static final String SOURCE = """
            extern "C" __global__ void scaled(const float* x, float* y, int n, float by, double add) {
                extern __shared__ float s[];
                int i = blockIdx.x * blockDim.x + threadIdx.x;
                s[threadIdx.x] = i < n ? x[i] : 0;
                __syncthreads();
                if (i < n) y[i] = s[threadIdx.x] * by + (float) add;
            }
            extern "C" __global__ void ordered(const float* x, float* y, int n) {
                int i = blockIdx.x * blockDim.x + threadIdx.x;
                if (i < n) y[i] = expf(x[i]) / (1 + x[i] * x[i]) + sqrtf(x[i]);
            }
            """;

    private final PtxKernels kernels = new PtxKernels(machine -> machine.seed(3).races(true));
    private final FakeDriver driver = kernels.driver();

    private static MemorySegment floats(Arena arena, int n) {
        float[] values = new float[n];
        for (int i = 0; i < n; i++) values[i] = i * 0.25f;
        return arena.allocateFrom(ValueLayout.JAVA_FLOAT, values);
    }

    @Test
    void launchesByWayOfTheBindings() {
        for (Nvrtc nvrtc : Nvrtcs.all()) {
            String ptx = nvrtc.ptx(SOURCE, "scaled.cu", "compute_80", List.of());
            int n = 100;
            try (CudaContext context = CudaDriver.of(driver.symbols()).context(0);
                    Arena arena = Arena.ofConfined()) {
                CudaFunction scaled = context.load(ptx).function("scaled");
                long x = context.allocate(4 * n), y = context.allocate(4 * n);
                context.upload(floats(arena, n), x, 4 * n);
                scaled.launch(2, 1, 64, 256, x, y, n, 3f, 0.5);
                CudaGraph graph = context.capture(() -> scaled.launch(2, 1, 64, 256, y, x, n, 2f, 1.0));
                graph.launch();
                MemorySegment found = arena.allocate(4 * n, 4);
                context.download(x, found, 4 * n);
                context.synchronize();
                IntStream.range(0, n)
                        .forEach(i -> assertThat(found.getAtIndex(ValueLayout.JAVA_FLOAT, i))
                                .isEqualTo((i * 0.25f * 3 + 0.5f) * 2 + 1));
                assertThat(kernels.statistics.globalRead()).isEqualTo(4 * n);
            }
            assertThat(driver.leaks()).isEmpty();
        }
    }

    /** A kernel that touches what was freed: the driver says little, the machine where it was. */
    @Test
    void memoryThatWasFreed() {
        String ptx = Nvrtcs.all().getFirst().ptx(SOURCE, "scaled.cu", "compute_80", List.of());
        CudaContext context = CudaDriver.of(driver.symbols()).context(0);
        CudaFunction scaled = context.load(ptx).function("scaled");
        long x = context.allocate(400), y = context.allocate(400);
        context.zero(x, 400);
        context.free(y);
        scaled.launch(2, 1, 64, 256, x, y, 100, 3f, 0.5);
        assertThatThrownBy(context::synchronize).isInstanceOf(Failure.class);
        assertThatThrownBy(context::close).isInstanceOf(Failure.class);
        assertThat(kernels.fault)
                .hasMessageContaining("in no memory that is registered")
                .hasMessageContaining("scaled, block (")
                .hasMessageContaining("st.global");
    }

    /** Options change the PTX, not what it means: fast arithmetic within its error, debug information, no optimisation. */
    @Test
    void whatOptionsMake() {
        for (Nvrtc nvrtc : Nvrtcs.all()) {
            for (String option : new String[] {
                "--use_fast_math", "--generate-line-info", "--device-debug", "--ftz=true", "--fmad=false"
            }) {
                PtxMachine machine = PtxMachine.of(nvrtc.ptx(SOURCE, "ordered.cu", "compute_80", List.of(option)));
                try (Arena arena = Arena.ofConfined()) {
                    int n = 40;
                    MemorySegment x = floats(arena, n), y = arena.allocate(4 * n, 4);
                    machine.memory(x.address(), 4 * n).memory(y.address(), 4 * n);
                    machine.launch("ordered", 2, 32, 0, x.address(), y.address(), n);
                    for (int i = 0; i < n; i++) {
                        double v = i * 0.25, want = Math.exp(v) / (1 + v * v) + Math.sqrt(v);
                        assertThat((double) y.getAtIndex(ValueLayout.JAVA_FLOAT, i))
                                .as("%s of %s with NVRTC %s", option, v, nvrtc.versionText())
                                .isCloseTo(want, org.assertj.core.data.Offset.offset(4e-6 * want));
                    }
                }
            }
        }
    }
}
