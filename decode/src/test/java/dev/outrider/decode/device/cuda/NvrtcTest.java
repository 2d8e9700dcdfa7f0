package dev.outrider.decode.device.cuda;

import static dev.outrider.decode.device.cuda.CudaDriverTest.failsWith;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The compiler: a fake one for what can go wrong, the real one where it is. */
class NvrtcTest {
    private static final String SOURCE = """
            extern "C" __global__ void twice(float* x, int n) {
                int i = blockIdx.x * blockDim.x + threadIdx.x;
                if (i < n) x[i] *= FACTOR;
            }
            """;
    private static final List<String> OPTIONS = List.of("-DFACTOR=2.0f", "--std=c++17");

    private final FakeNvrtc fake = new FakeNvrtc();

    @Test
    void whatIsAskedOfTheLibrary() {
        Nvrtc nvrtc = Nvrtc.of(fake.symbols());
        assertThat(nvrtc.version()).containsExactly(12, 8);
        assertThat(nvrtc.versionText()).isEqualTo("12.8");
        assertThat(nvrtc.architectures()).containsExactly(80, 90);
        assertThat(nvrtc.ptx("source", "a.cu", "compute_80", OPTIONS))
                .isEqualTo("// --gpu-architecture=compute_80\n-DFACTOR=2.0f\n--std=c++17\nsource");
        assertThat(nvrtc.cubin("source", "a.cu", "sm_90", List.of()))
                .asString()
                .isEqualTo("// --gpu-architecture=sm_90\nsource\0");
        assertThat(fake.leaks()).isZero();
        assertThat(fake.complaints).isEmpty();
    }

    @Test
    void programsAreDestroyedWhateverFails() {
        Nvrtc nvrtc = Nvrtc.of(fake.symbols());
        failsWith(
                () -> nvrtc.ptx("error", "a.cu", "compute_80", List.of()),
                Failure.Kind.MACHINE,
                "given.cu, line 3: found NVRTC_ERROR_COMPILATION for compute_80",
                "identifier \"error\" is undefined",
                "NVRTC 12.8");
        int before = fake.totalCalls();
        nvrtc.cubin("source", "a.cu", "sm_90", List.of());
        int calls = fake.totalCalls() - before;
        for (int n = 1; n <= calls; n++) {
            fake.failAny(n, 5);
            try {
                nvrtc.cubin("source", "a.cu", "sm_90", List.of());
                assertThat(fake.lastFailed()).isEqualTo("nvrtcDestroyProgram");
            } catch (Failure e) {
                assertThat(e).hasMessageContaining("NVRTC_ERROR_5");
                assertThat(fake.leaks()).isZero();
            }
        }
        assertThat(calls).isEqualTo(7);
        assertThat(fake.complaints).isEmpty();
    }

    @Test
    void aCardThatTheCompilerDoesNotKnow() {
        Nvrtc nvrtc = Nvrtc.of(fake.symbols());
        failsWith(
                () -> nvrtc.cubin("source", "a.cu", "sm_70", List.of()),
                Failure.Kind.MACHINE,
                "NVRTC 12.8, a.cu: found sm_70; expected one of sm_80, sm_90");
    }

    @Test
    void aLibraryThatIsNoNvrtc() {
        failsWith(() -> Nvrtc.of(fake.without("nvrtcGetCUBIN")), Failure.Kind.MACHINE, "no function nvrtcGetCUBIN");
    }

    @Test
    void realProgramsForEveryCardThatTheCompilerKnows() {
        for (Nvrtc nvrtc : Nvrtcs.all()) {
            int[] known = nvrtc.architectures();
            assertThat(known).as(nvrtc.versionText()).contains(80, 90, 120).isSorted();
            for (int arch : known) {
                String ptx = nvrtc.ptx(SOURCE, "twice.cu", "compute_" + arch, OPTIONS);
                assertThat(ptx).contains(".target sm_" + arch, ".entry twice(").doesNotContain("\0");
                assertThat(PtxEntries.of(ptx).get("twice"))
                        .containsExactly(new PtxEntries.Parameter(0, 8), new PtxEntries.Parameter(8, 4));
                byte[] cubin = nvrtc.cubin(SOURCE, "twice.cu", "sm_" + arch, OPTIONS);
                assertThat(Arrays.copyOf(cubin, 4)).containsExactly(0x7f, 'E', 'L', 'F');
            }
        }
    }

    @Test
    void realErrorsNameFileAndLine() {
        for (Nvrtc nvrtc : Nvrtcs.all()) {
            failsWith(
                    () -> nvrtc.ptx(SOURCE, "twice.cu", "compute_80", List.of()),
                    Failure.Kind.MACHINE,
                    "twice.cu, line 3: found NVRTC_ERROR_COMPILATION for compute_80",
                    "identifier \"FACTOR\" is undefined");
            failsWith(
                    () -> nvrtc.ptx(SOURCE, "twice.cu", "compute_80", List.of("--nonsense")),
                    Failure.Kind.MACHINE,
                    "twice.cu",
                    "nonsense");
            failsWith(
                    () -> nvrtc.ptx(SOURCE, "twice.cu", "compute_20", OPTIONS),
                    Failure.Kind.MACHINE,
                    "found compute_20");
            assertThatThrownBy(() -> nvrtc.cubin("#include <nowhere.h>", "a.cu", "sm_90", List.of()))
                    .hasMessageContaining("nowhere.h");
        }
    }
}
