package dev.outrider.checkpoints;

import static dev.outrider.checkpoints.HuggingFaceTest.assertFailure;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** state.json: too old, too new and corrupt are three errors. */
class TrainingStateTest {
    @TempDir
    Path folder;

    @Test
    void whatIsWrittenIsRead() {
        Path file = folder.resolve("state.json");
        TrainingState state = new TrainingState(
                TrainingState.SCHEMA,
                12,
                1L << 40,
                -7,
                Map.of("train", Long.MAX_VALUE, "answers", 3L),
                Map.of("warm-up", "done"));
        state.write(file);
        assertThat(TrainingState.read(file)).isEqualTo(state);
    }

    @Test
    void otherFilesAreRefused() throws IOException {
        refused(json("0", "1"), "schema", "too old");
        refused(json("2", "1"), "schema", "too new");
        refused(json("\"1\"", "1"), "schema", "a whole number");
        refused(json("1", "-3"), "step -3", "corrupt");
        refused(json("1", "1.5"), "state.json");
        refused(json("1", "null"), "state.json");
        refused(json("1", "\"7\""), "state.json");
        refused("{\"schema\": 1, \"step\": 2}", "state.json", "tokens");
        refused(json("1", "1").replace("\"facts\"", "\"fatcs\""), "'facts'", "the keys");
        refused(json("1", "1").replace("{}", "{}, \"more\": 1"), "\"more\"", "the keys");
        refused("{\"schema\": 1,", "line 1");
        refused("", "JSON object");
        assertFailure(() -> TrainingState.read(folder.resolve("none")), Failure.Kind.DATA, "no such file");
    }

    private static String json(String schema, String step) {
        return "{\"schema\":" + schema + ",\"step\":" + step
                + ",\"tokens\":5,\"seed\":1,\"positions\":{\"a\":1},\"facts\":{}}";
    }

    private void refused(String text, String... said) throws IOException {
        Path file = Files.writeString(folder.resolve("state.json"), text);
        assertFailure(() -> TrainingState.read(file), Failure.Kind.DATA, said);
    }
}
