package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.device.Precision;
import java.util.Arrays;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class CoreTypeTest {
    private static final Set<String> AVX2 = Set.of("avx", "avx2", "fma");
    private static final Set<String> AVX512 = with(AVX2, "avx512f avx512cd avx512dq avx512bw avx512vl");
    private static final Set<String> BF16 = with(AVX512, "avx512_bf16");

    private static Set<String> with(Set<String> flags, String more) {
        var all = Arrays.stream(more.split(" ")).collect(Collectors.toSet());
        all.addAll(flags);
        return all;
    }

    @Test
    void aHintBelowTheCpuIsReplaced() {
        assertThat(CoreType.better("Haswell", BF16)).contains("Cooperlake");
        assertThat(CoreType.better("Zen", AVX512)).contains("SkylakeX");
        assertThat(CoreType.better("Nehalem", AVX2)).contains("Haswell");
    }

    @Test
    void aFittingHintStays() {
        assertThat(CoreType.better("SKYLAKEX", BF16)).isEmpty();
        assertThat(CoreType.better("Haswell", AVX2)).isEmpty();
        assertThat(CoreType.better("Haswell", with(AVX2, "avx512f"))).isEmpty();
        assertThat(CoreType.better("ARMV8", Set.of())).isEmpty();
    }

    @Test
    void theLibraryInUseIsNotBelowTheCpu() {
        String core = OpenBlas.CORE;
        assertThat(CoreType.better(core, CoreType.flags()).filter(name -> Lanes.LANES >= 16))
                .as(core)
                .isEmpty();
    }

    @Test
    void cpusThatMultiplyBf16() {
        assertThat(CoreType.multipliesBf16(Set.of("avx512f", "avx2"))).isFalse();
        assertThat(CoreType.multipliesBf16(Set.of())).isFalse();
        assertThat(CoreType.multipliesBf16(Set.of("avx512_bf16"))).isTrue();
        assertThat(CoreType.multipliesBf16(Set.of("amx_bf16"))).isTrue();
    }

    @Test
    void otherCpusAreRefusedWithTheRemedy() {
        assumeFalse(CoreType.multipliesBf16(CoreType.flags()), "this CPU multiplies BF16");
        assertThatThrownBy(() -> new CpuDevice(1, Precision.BF16))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("precision: f32");
    }
}
