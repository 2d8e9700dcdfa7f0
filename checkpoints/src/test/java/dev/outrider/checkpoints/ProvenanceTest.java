package dev.outrider.checkpoints;

import static dev.outrider.checkpoints.HuggingFaceTest.assertFailure;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProvenanceTest {
    @TempDir
    Path folder;

    @Test
    void whatIsWrittenIsRead() {
        assertThat(Provenance.read(folder)).isEmpty();
        Provenance now = Provenance.now("outrider run x.yaml", "abc", 7, "d1", "runs/a");
        now.write(folder);
        assertThat(Provenance.read(folder)).contains(now);
    }

    @Test
    void theRestIsFilledIn() {
        Provenance now = Provenance.now("c", "abc", 7, "", "");
        assertThat(now.recipeHash()).isEqualTo("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assertThat(now.versions()).containsKeys("outrider", "java", "os");
        assertThat(now.versions().get("outrider")).matches("\\d+\\.\\d+.*");
        assertThat(Instant.parse(now.created())).isBetween(Instant.now().minusSeconds(60), Instant.now());
        assertThat(now.machine()).containsKeys("arch", "processor", "processors", "memory");
    }

    @Test
    void aDamagedFileIsRefused() throws IOException {
        Files.writeString(folder.resolve("provenance.json"), "{\"command\": \"c\"}");
        assertFailure(() -> Provenance.read(folder), Failure.Kind.DATA, "provenance.json");
    }

    @Test
    void theRevisionIsReadFromACheckout() throws IOException {
        String commit = "0123456789abcdef0123456789abcdef01234567";
        assertThat(GitRevision.of(folder)).isEmpty();
        Path git = Files.createDirectories(folder.resolve(".git/refs/heads"))
                .getParent()
                .getParent();
        Files.writeString(git.resolve("HEAD"), commit + "\n");
        assertThat(GitRevision.of(folder)).contains(commit);
        Files.writeString(git.resolve("HEAD"), "ref: refs/heads/main\n");
        assertThat(GitRevision.of(folder)).isEmpty();
        Files.writeString(git.resolve("packed-refs"), "# pack-refs\n" + commit + " refs/heads/main\n");
        assertThat(GitRevision.of(folder)).contains(commit);
        Files.writeString(git.resolve("refs/heads/main"), commit.replace('0', 'f') + "\n");
        assertThat(GitRevision.of(folder)).contains(commit.replace('0', 'f'));
        Path tree = Files.createDirectory(folder.resolve("tree")),
                own = Files.createDirectories(git.resolve("worktrees/tree"));
        Files.writeString(tree.resolve(".git"), "gitdir: " + own + "\n");
        Files.writeString(own.resolve("HEAD"), "ref: refs/heads/main\n");
        Files.writeString(own.resolve("commondir"), "../..\n");
        assertThat(GitRevision.of(tree)).contains(commit.replace('0', 'f'));
    }
}
