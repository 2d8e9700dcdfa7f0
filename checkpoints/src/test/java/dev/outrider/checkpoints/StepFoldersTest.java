package dev.outrider.checkpoints;

import static dev.outrider.checkpoints.HuggingFaceTest.assertFailure;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Killed at any moment, a run has its last whole checkpoint. */
class StepFoldersTest {
    @TempDir
    Path run;

    private StepFolders folders;

    @BeforeEach
    void open() {
        folders = new StepFolders(run, 2);
    }

    private Path save(long step) {
        return folders.save(step, t -> Files.writeString(t.resolve("weights"), "weights of " + step));
    }

    private void assertLatest(long step) {
        assertThat(folders.latest()).hasValueSatisfying(p -> {
            assertThat(StepFolders.step(p)).isEqualTo(step);
            assertThat(p.resolve("weights")).hasContent("weights of " + step);
        });
    }

    private List<String> names() throws IOException {
        try (Stream<Path> all = Files.list(run.resolve("checkpoints"))) {
            return all.map(p -> p.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void theLastIsFoundAndOldOnesGo() throws IOException {
        assertThat(folders.latest()).isEmpty();
        assertThat(save(5)).isEqualTo(run.resolve("checkpoints/step-00000005"));
        save(10);
        save(123_456_789);
        assertLatest(123_456_789);
        assertThat(names()).containsExactly("latest", "step-00000010", "step-123456789");
    }

    @Test
    void savingAStepAgainReplacesIt() throws IOException {
        save(5);
        folders.save(5, t -> Files.writeString(t.resolve("weights"), "others"));
        assertThat(folders.latest().orElseThrow().resolve("weights")).hasContent("others");
        assertThat(names()).containsExactly("latest", "step-00000005");
    }

    @Test
    void theOneJustSavedStaysEvenWhereLaterStepsAreThere() throws IOException {
        save(30);
        save(40);
        save(10);
        assertLatest(10);
        assertThat(names()).containsExactly("latest", "step-00000010", "step-00000040");
    }

    @Test
    void aWriterThatFailsHalfWayChangesNothing() throws IOException {
        save(5);
        assertFailure(
                () -> folders.save(6, t -> {
                    Files.writeString(t.resolve("weights"), "half");
                    throw new IOException("No space left on device");
                }),
                Failure.Kind.MACHINE,
                "step-00000006");
        assertThatThrownBy(() -> folders.save(5, t -> {
                    throw new IllegalStateException("bug");
                }))
                .isInstanceOf(IllegalStateException.class);
        assertLatest(5);
        assertThat(names()).containsExactly("latest", "step-00000005");
    }

    /** What is on the disk when the process dies at each step of a save, made by hand. */
    @Test
    void everyPointOfInterruption() throws IOException {
        save(4);
        save(5);
        Path checkpoints = run.resolve("checkpoints");
        // While the folder is written.
        Path half = Files.createDirectory(AtomicFiles.temporary(checkpoints.resolve("step-00000006")));
        Files.writeString(half.resolve("weights"), "hal");
        assertLatest(5);
        // Whole, but the pointer has not moved, and is half-written under its temporary name.
        Files.move(half, checkpoints.resolve("step-00000006"));
        Path pointer = Files.writeString(AtomicFiles.temporary(checkpoints.resolve("latest")), "step-0000");
        assertLatest(5);
        // The pointer has moved, an old folder is being deleted.
        Files.writeString(checkpoints.resolve("step-00000006/weights"), "weights of 6");
        Files.writeString(pointer, "step-00000006\n");
        Files.move(pointer, checkpoints.resolve("latest"), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        Path going = AtomicFiles.temporary(checkpoints.resolve("step-00000004"));
        Files.move(checkpoints.resolve("step-00000004"), going);
        Files.delete(going.resolve("weights"));
        assertLatest(6);
        // The next save clears all that away.
        save(7);
        assertLatest(7);
        assertThat(names()).containsExactly("latest", "step-00000006", "step-00000007");
    }

    @Test
    void aFolderMovedAsideByAKilledProcessComesBack() throws IOException {
        save(4);
        Path five = save(5);
        Files.move(five, AtomicFiles.aside(five));
        assertLatest(5);
        Files.move(five, AtomicFiles.aside(five));
        save(6);
        assertThat(names()).containsExactly("latest", "step-00000005", "step-00000006");
    }

    @Test
    void aStaleOrDamagedPointerFallsBackToTheNewest() throws IOException {
        save(4);
        save(5);
        Path pointer = run.resolve("checkpoints/latest");
        for (String text : List.of("", "step-00000009", "../../etc", "step-x", "\0\1")) {
            Files.writeString(pointer, text);
            assertLatest(5);
        }
        Files.delete(pointer);
        assertLatest(5);
        Files.writeString(pointer, "step-00000004");
        assertLatest(4);
        Files.writeString(run.resolve("checkpoints/step-00000099"), "a file of that name");
        Files.createDirectory(run.resolve("checkpoints/step-1x"));
        Files.delete(pointer);
        assertLatest(5);
    }

    @Test
    void keepingNoneIsRefused() {
        assertFailure(() -> new StepFolders(run, 0), Failure.Kind.USAGE, "keep 0");
    }

    /** SIGKILL in the middle of saves, as often as it takes a second or two. */
    @Test
    void aKilledProcessLosesAtMostTheSaveUnderWay() throws Exception {
        long before = 0;
        for (int round = 0; round < 3; round++) {
            long said = Saver.killAfter(run, before, 2 + 2 * round);
            Path latest = folders.latest().orElseThrow();
            assertThat(StepFolders.step(latest)).isBetween(said, said + 1);
            Saver.assertWhole(latest);
            before = StepFolders.step(latest);
        }
        save(before + 1);
        assertLatest(before + 1);
        assertThat(names()).hasSize(3).noneMatch(name -> name.startsWith("."));
    }

    /** The child: saves one step after another, each twice, and says so on its standard output. */
    static final class Saver {
        private static final int BYTES = 1 << 18;

        public static void main(String[] args) {
            StepFolders folders = new StepFolders(Path.of(args[0]), 2);
            for (long step = Long.parseLong(args[1]) + 1; ; step++) {
                byte[] bytes = bytes(step);
                for (int twice = 0; twice < 2; twice++) {
                    folders.save(step, t -> {
                        Files.write(t.resolve("a"), bytes);
                        Files.write(t.resolve("b"), bytes);
                    });
                }
                System.out.println(step);
            }
        }

        private static byte[] bytes(long step) {
            byte[] bytes = new byte[BYTES];
            Seeds.generator(step).nextBytes(bytes);
            return bytes;
        }

        /** Starts the child, kills it after some saves; returns the last step that it reported. */
        static long killAfter(Path run, long before, int saves) throws Exception {
            Path said = run.resolve("said");
            Process child = new ProcessBuilder(command(run, before))
                    .redirectOutput(said.toFile())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            try {
                while (child.isAlive() && Files.readString(said).lines().count() < saves)
                    TimeUnit.MILLISECONDS.sleep(5);
                TimeUnit.MICROSECONDS.sleep(Seeds.generator(saves).nextInt(3000));
            } finally {
                child.destroyForcibly().waitFor();
            }
            List<String> lines = Files.readAllLines(said);
            assertThat(lines).hasSizeGreaterThanOrEqualTo(saves);
            return Long.parseLong(lines.getLast());
        }

        private static List<String> command(Path run, long before) throws Exception {
            String path = location(StepFolders.class) + System.getProperty("path.separator") + location(Saver.class);
            String java =
                    Path.of(System.getProperty("java.home"), "bin", "java").toString();
            return List.of(
                    java,
                    "-XX:TieredStopAtLevel=1",
                    "-XX:+UseSerialGC",
                    "--enable-native-access=ALL-UNNAMED",
                    "-cp",
                    path,
                    Saver.class.getName(),
                    run.toString(),
                    Long.toString(before));
        }

        private static Path location(Class<?> of) throws Exception {
            return Path.of(
                    of.getProtectionDomain().getCodeSource().getLocation().toURI());
        }

        static void assertWhole(Path folder) throws IOException {
            byte[] expected = bytes(StepFolders.step(folder));
            for (String name : List.of("a", "b")) {
                assertThat(Arrays.equals(Files.readAllBytes(folder.resolve(name)), expected))
                        .as(folder + "/" + name)
                        .isTrue();
            }
        }
    }
}
