package dev.outrider.checkpoints;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MappedFileTest {
    @TempDir
    Path folder;

    @Test
    void whatIsReadOwnsTheBytes() throws IOException {
        Path file = Files.write(folder.resolve("file"), new byte[] {7, 8});
        record Read(Arena arena, MemorySegment bytes) {}
        Read read = MappedFile.open(file, Read::new);
        assertThat(read.bytes().get(ValueLayout.JAVA_BYTE, 1)).isEqualTo((byte) 8);
        read.arena().close();
        assertThat(read.bytes().scope().isAlive()).isFalse();
    }

    @Test
    void aFileThatIsNoGoodIsLetGo() throws IOException {
        Path file = Files.write(folder.resolve("file"), new byte[] {7});
        MemorySegment[] seen = new MemorySegment[1];
        assertThatThrownBy(() -> MappedFile.open(file, (arena, bytes) -> {
                    seen[0] = bytes;
                    throw Failure.data(file.toString(), "7", "8", "Take another.");
                }))
                .isInstanceOf(Failure.class);
        assertThat(seen[0].scope().isAlive()).isFalse();
        assertThatThrownBy(() -> MappedFile.open(folder.resolve("absent"), (arena, bytes) -> bytes))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("absent");
    }
}
