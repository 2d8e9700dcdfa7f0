package dev.outrider.decode.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Compiled once, and again only for another input or a damaged file. */
class KernelCacheTest {
    @TempDir
    Path folder;

    private final FakeNvrtc fake = new FakeNvrtc();

    private KernelCache cache() {
        return new KernelCache(folder.resolve("kernels"), Nvrtc.of(fake.symbols()));
    }

    private int compilations() {
        return fake.calls("nvrtcCompileProgram");
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> all = Files.list(folder.resolve("kernels"))) {
            return all.sorted().toList();
        }
    }

    @Test
    void oneCompilationForManyProcesses() throws IOException {
        byte[] first = cache().cubin("source", "a.cu", "sm_90", List.of("-DX"));
        assertThat(first).asString().isEqualTo("// --gpu-architecture=sm_90\n-DX\nsource\0");
        assertThat(cache().cubin("source", "a.cu", "sm_90", List.of("-DX"))).isEqualTo(first);
        String ptx = cache().ptx("source", "a.cu", "compute_90", List.of("-DX"));
        assertThat(cache().ptx("source", "a.cu", "compute_90", List.of("-DX")))
                .isEqualTo(ptx)
                .endsWith("source");
        assertThat(compilations()).isEqualTo(2);
        assertThat(files()).hasSize(2);
    }

    @Test
    void everythingThatMattersIsInTheKey() throws IOException {
        KernelCache cache = cache();
        cache.cubin("source", "a.cu", "sm_90", List.of("-DX", "-DY"));
        cache.cubin("source ", "a.cu", "sm_90", List.of("-DX", "-DY"));
        cache.cubin("source", "b.cu", "sm_90", List.of("-DX", "-DY"));
        cache.cubin("ource", "a.cus", "sm_90", List.of("-DX", "-DY")); // the same letters in a row
        cache.cubin("source", "a.cu", "sm_80", List.of("-DX", "-DY"));
        cache.cubin("source", "a.cu", "sm_90", List.of("-DY", "-DX"));
        cache.cubin("source", "a.cu", "sm_90", List.of("-DX"));
        cache.ptx("source", "a.cu", "sm_90", List.of("-DX"));
        fake.minor++;
        cache().cubin("source", "a.cu", "sm_90", List.of("-DX"));
        assertThat(compilations()).isEqualTo(9);
        assertThat(files()).hasSize(9);
    }

    @Test
    void damagedFilesAreMadeAnew() throws IOException {
        byte[] good = cache().cubin("source", "a.cu", "sm_90", List.of());
        Path file = files().getFirst();
        byte[] stored = Files.readAllBytes(file);
        int n = 1;
        for (byte[] damaged : List.of(
                new byte[0], new byte[32], java.util.Arrays.copyOf(stored, stored.length - 1), flipped(stored))) {
            Files.write(file, damaged);
            assertThat(cache().cubin("source", "a.cu", "sm_90", List.of())).isEqualTo(good);
            assertThat(compilations()).isEqualTo(++n);
            assertThat(Files.readAllBytes(file)).isEqualTo(stored);
        }
    }

    private static byte[] flipped(byte[] stored) {
        byte[] all = stored.clone();
        all[all.length - 2] ^= 1;
        return all;
    }

    @Test
    void aFolderThatCannotBeWrittenCostsOnlyTime() throws IOException {
        Files.writeString(folder.resolve("kernels"), "a file in its place");
        KernelCache cache = cache();
        byte[] first = cache.cubin("source", "a.cu", "sm_90", List.of());
        assertThat(cache.cubin("source", "a.cu", "sm_90", List.of())).isEqualTo(first);
        assertThat(compilations()).isEqualTo(2);
    }

    @Test
    void failuresAreNotKept() {
        for (int i = 0; i < 2; i++)
            assertThatThrownBy(() -> cache().cubin("error", "a.cu", "sm_90", List.of()))
                    .isInstanceOf(Failure.class);
        assertThat(compilations()).isEqualTo(2);
        assertThat(folder.resolve("kernels")).doesNotExist();
    }

    @Test
    void whereItLies() {
        assertThat(CacheFolder.of(Map.of("OUTRIDER_CACHE", "/a", "XDG_CACHE_HOME", "/b"), "/home"))
                .hasToString("/a");
        assertThat(CacheFolder.of(Map.of("XDG_CACHE_HOME", "/b"), "/home")).hasToString("/b/outrider");
        assertThat(CacheFolder.of(Map.of(), "/home")).hasToString("/home/.cache/outrider");
        assertThat(KernelCache.folder()).hasFileName("kernels");
    }
}
