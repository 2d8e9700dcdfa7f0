package dev.outrider.decode.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Every kernel for every card: what NVRTC knows from sm_70 on. */
class CudaCompileTest {
    private static final List<String> STRICT = Stream.concat(
                    Kernels.OPTIONS.stream(),
                    Stream.of("--warn-on-spills", "--warn-on-local-memory-usage", "--warning-as-error")
                            .map(option -> "--ptxas-options=" + option))
            .toList();

    private static final Pattern FUNCTION = Pattern.compile("(?m)^\\.visible \\.entry (\\w+)\\(");

    /** As code of the card's own, without registers that do not fit and lie in memory instead. */
    @Test
    void everyFamilyForTheOldestAndTheNewestCardAndForHopper() {
        for (Nvrtc compiler : Nvrtcs.all()) {
            int[] all = known(compiler);
            IntStream.of(all[0], 90, all[all.length - 1]).distinct().forEach(arch -> compile(compiler, arch));
        }
    }

    @Test
    @Tag("slow")
    void everyFamilyForEveryCard() {
        for (Nvrtc compiler : Nvrtcs.all()) for (int arch : known(compiler)) compile(compiler, arch);
    }

    private static int[] known(Nvrtc compiler) {
        return Arrays.stream(compiler.architectures())
                .filter(arch -> arch >= 70)
                .toArray();
    }

    private static void compile(Nvrtc compiler, int arch) {
        for (String family : Kernels.FAMILIES) {
            assertThat(compiler.cubin(Kernels.source(family), family + ".cu", "sm_" + arch, STRICT))
                    .as("%s, sm_%d, NVRTC %s", family, arch, compiler.versionText())
                    .isNotEmpty();
        }
    }

    /** What the above rest on: memory in place of registers is an error. */
    @Test
    void localMemoryIsRefused() {
        String source = "extern \"C\" __global__ void k(int *p, int n) { int a[64];"
                + " for (int i = 0; i < n; i++) a[p[i] & 63] = i; p[0] = a[p[1] & 63]; }";
        for (Nvrtc compiler : Nvrtcs.all()) {
            assertThatThrownBy(() -> compiler.cubin(source, "k.cu", "sm_90", STRICT))
                    .isInstanceOf(Failure.class);
            assertThat(compiler.cubin(source, "k.cu", "sm_90", Kernels.OPTIONS)).isNotEmpty();
        }
    }

    /** No kernel has the name of another: a launch says which family it means, a profile does not. */
    @Test
    void namesAreTheirOwn() {
        List<String> all = new ArrayList<>();
        Nvrtc compiler = Nvrtcs.all().getFirst();
        for (String family : Kernels.FAMILIES) {
            String ptx = compiler.ptx(Kernels.source(family), family + ".cu", "compute_80", Kernels.OPTIONS);
            FUNCTION.matcher(ptx).results().forEach(found -> all.add(found.group(1)));
        }
        assertThat(all).hasSizeGreaterThan(60).doesNotHaveDuplicates();
    }
}
