package dev.outrider.recipes.report;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvaluationTest {
    @TempDir
    Path folder;

    private static Evaluation evaluation() {
        return Evaluations.of(List.of(
                Evaluations.sample("base-115m", "What?", List.of("data:image/png;base64,AAAA")),
                Evaluations.sample("base-115m", "Why?", List.of())));
    }

    @Test
    void whatIsWrittenIsRead() {
        Path file = folder.resolve("evaluation.json");
        evaluation().write(file);
        assertThat(Evaluation.read(file)).isEqualTo(evaluation());
    }

    /** What was measured before there were pictures is still opened. */
    @Test
    void filesOfOlderVersions() throws IOException {
        Path file = folder.resolve("evaluation.json");
        evaluation().write(file);
        ObjectMapper json = new ObjectMapper();
        ObjectNode old = (ObjectNode) json.readTree(file.toFile());
        old.remove(List.of("pairs", "outcomes"));
        old.get("samples").forEach(s -> ((ObjectNode) s).remove("pictures"));
        json.writeValue(file.toFile(), old);
        Evaluation read = Evaluation.read(file);
        assertThat(read.rows()).isEqualTo(evaluation().rows());
        assertThat(read.pairs()).isEmpty();
        assertThat(read.outcomes()).isEmpty();
        assertThat(read.samples()).hasSize(2).allMatch(s -> s.pictures().isEmpty());
        assertThat(Gain.of(read, 1)).isEmpty();
    }
}
