package dev.outrider.checkpoints;

import static dev.outrider.checkpoints.HuggingFaceTest.assertFailure;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole or not at all, and nothing left behind, whatever goes wrong. */
class AtomicFilesTest {
    @TempDir
    Path folder;

    @Test
    void aFileReplacesTheOldOneWhole() throws IOException {
        Path file = folder.resolve("deep/er/f");
        AtomicFiles.file(file, t -> Files.writeString(t, "old"));
        AtomicFiles.file(file, t -> {
            Files.writeString(t, "new");
            assertThat(file).hasContent("old");
            assertThat(t.getParent()).isEqualTo(file.toAbsolutePath().getParent());
        });
        assertThat(file).hasContent("new");
        assertThat(file.getParent()).isDirectoryNotContaining("glob:**.tmp-*");
    }

    @Test
    void aFolderReplacesTheOldOneWhole() throws IOException {
        Path target = folder.resolve("d");
        AtomicFiles.directory(target, t -> Files.writeString(t.resolve("old"), "1"));
        AtomicFiles.directory(target, t -> {
            Files.createDirectories(t.resolve("sub"));
            Files.writeString(t.resolve("sub/new"), "2");
            assertThat(target.resolve("old")).exists();
        });
        assertThat(target.resolve("old")).doesNotExist();
        assertThat(target.resolve("sub/new")).hasContent("2");
        assertOnly("d");
    }

    @Test
    void twoFoldersAreExchangedInOneStep() throws IOException {
        Path a = Files.createDirectory(folder.resolve("a")), b = Files.createDirectory(folder.resolve("b"));
        Files.writeString(a.resolve("x"), "1");
        assumeTrue(Exchange.swap(a, b), "skipped: this file system cannot exchange folders");
        assertThat(a).isEmptyDirectory();
        assertThat(b.resolve("x")).hasContent("1");
        assertThat(Exchange.swap(a, folder.resolve("absent"))).isFalse();
    }

    @Test
    void whereFoldersCannotBeExchangedTheOldOneIsMovedAside() throws IOException {
        Path target = Files.createDirectory(folder.resolve("d")), next = Files.createDirectory(folder.resolve("n"));
        Files.writeString(target.resolve("old"), "1");
        Files.writeString(next.resolve("new"), "2");
        Exchange.moveAside(next, target);
        assertThat(target.resolve("new")).hasContent("2");
        assertOnly("d");
        assertThatThrownBy(() -> Exchange.moveAside(folder.resolve("absent"), target))
                .isInstanceOf(IOException.class);
        assertThat(target.resolve("new")).hasContent("2");
        assertOnly("d");
    }

    @Test
    void aFailedWriterLeavesWhatWasThere() throws IOException {
        Path file = folder.resolve("f"), directory = folder.resolve("d");
        AtomicFiles.file(file, t -> Files.writeString(t, "old"));
        AtomicFiles.directory(directory, t -> Files.writeString(t.resolve("old"), "1"));
        for (Exception e : List.of(
                new IOException("odd"),
                new IllegalStateException("bug"),
                new UncheckedIOException(new IOException("odd")))) {
            assertThatThrownBy(() -> AtomicFiles.file(file, t -> failing(t, e)));
            assertThatThrownBy(() -> AtomicFiles.directory(directory, t -> failing(t.resolve("new"), e)));
            assertThatThrownBy(() -> AtomicFiles.file(folder.resolve("not/yet/there"), t -> failing(t, e)));
        }
        assertThat(file).hasContent("old");
        assertThat(directory.resolve("old")).hasContent("1");
        assertThat(directory.resolve("new")).doesNotExist();
        assertOnly("f", "d");
    }

    private static void failing(Path to, Exception e) throws IOException {
        Files.writeString(to, "half");
        if (e instanceof IOException io) throw io;
        throw (RuntimeException) e;
    }

    @Test
    void aFullDiskIsTheMachines() throws IOException {
        Path file = folder.resolve("f");
        AtomicFiles.Writer full = t -> failing(t, new IOException("No space left on device"));
        assertFailure(
                () -> AtomicFiles.file(file, full),
                Failure.Kind.MACHINE,
                file.toString(),
                "full disk",
                "Free some space");
        AtomicFiles.Writer quota =
                t -> failing(t.resolve("x"), new UncheckedIOException(new IOException("Disk quota exceeded")));
        assertFailure(() -> AtomicFiles.directory(file, quota), Failure.Kind.MACHINE, file.toString(), "full disk");
        assertOnly();
        assertThat(Failure.Kind.MACHINE.exitCode).isEqualTo(5);
    }

    @Test
    void aDeviceThatIsReallyFull() throws IOException {
        Path device = Path.of("/dev/full");
        assumeTrue(Files.isWritable(device), "skipped: no /dev/full here");
        List<Tensor> tensors = List.of(Tensor.of("t", new float[1 << 16], 1 << 16));
        assertFailure(
                () -> AtomicFiles.directory(
                        folder.resolve("d"), t -> SafetensorsWriter.write(device, tensors, x -> x.dtype(), Map.of())),
                Failure.Kind.MACHINE,
                "full disk");
        assertFailure(
                () -> AtomicFiles.file(
                        folder.resolve("d"), t -> SafetensorsWriter.write(device, tensors, x -> DType.BF16, Map.of())),
                Failure.Kind.MACHINE,
                "full disk");
        assertOnly();
    }

    @Test
    void aPathThatCannotBeWrittenIsTheUsers() throws IOException {
        Path file = Files.writeString(folder.resolve("f"), "x");
        Path below = file.resolve("g");
        assertFailure(
                () -> AtomicFiles.file(below, t -> Files.writeString(t, "y")), Failure.Kind.USAGE, below.toString());
        assertFailure(() -> AtomicFiles.directory(below, t -> {}), Failure.Kind.USAGE, below.toString());
        assertFailure(() -> AtomicFiles.directory(file, t -> {}), Failure.Kind.USAGE, file.toString());
        Path full = folder.resolve("d");
        AtomicFiles.directory(full, t -> Files.writeString(t.resolve("a"), "1"));
        assertFailure(
                () -> AtomicFiles.file(full, t -> Files.writeString(t, "y")), Failure.Kind.USAGE, full.toString());
        assertThat(file).hasContent("x");
        assertOnly("d", "f");
    }

    @Test
    void aFolderWithoutPermissionIsTheUsers() throws IOException {
        Path locked = Files.createDirectory(folder.resolve("locked"));
        assumeTrue(
                locked.toFile().setWritable(false) && !Files.isWritable(locked),
                "skipped: permissions do not bind this user");
        try {
            Path file = locked.resolve("f");
            assertFailure(
                    () -> AtomicFiles.file(file, t -> Files.writeString(t, "y")), Failure.Kind.USAGE, file.toString());
        } finally {
            locked.toFile().setWritable(true);
        }
    }

    private void assertOnly(String... names) throws IOException {
        try (var all = Files.list(folder)) {
            assertThat(all.map(p -> p.getFileName().toString())).containsExactlyInAnyOrder(names);
        }
    }
}
