package dev.outrider.checkpoints;

import com.fasterxml.jackson.core.JacksonException;
import java.nio.file.Path;
import java.util.Map;

/**
 * What resuming needs beside weights and moments; state.json of a checkpoint.
 *
 * @param schema version of this file's form
 * @param step optimiser steps made
 * @param tokens tokens learnt from
 * @param seed with the step it gives every random draw to come
 * @param positions next row of each source of data, by its name
 * @param facts what else the trainer wants back, by name
 */
public record TrainingState(
        int schema, long step, long tokens, long seed, Map<String, Long> positions, Map<String, String> facts) {
    /** The form that is written; older ones are read as far back as {@link #OLDEST}. */
    public static final int SCHEMA = 1;

    private static final int OLDEST = 1;

    public TrainingState {
        positions = Map.copyOf(positions);
        facts = Map.copyOf(facts);
    }

    /**
     * Writes the file atomically.
     *
     * @throws Failure MACHINE or USAGE where it cannot be written
     */
    public void write(Path file) {
        AtomicFiles.file(file, temporary -> Json.write(temporary, this));
    }

    /** @throws Failure DATA: too old, too new, or corrupt, each in its own words */
    public static TrainingState read(Path file) {
        Keys keys = Json.read(file);
        int schema = keys.whole("schema");
        if (schema < OLDEST) {
            throw keys.wrong(
                    "schema", OLDEST + " to " + SCHEMA, "It is too old: resume with the Outrider that wrote it.");
        }
        if (schema > SCHEMA) {
            throw keys.wrong("schema", OLDEST + " to " + SCHEMA, "It is too new: resume with a newer Outrider.");
        }
        try {
            TrainingState state = Json.MAPPER.treeToValue(keys.node(), TrainingState.class);
            return state.checked(file);
        } catch (JacksonException e) {
            throw Json.malformed(file.toString(), e);
        }
    }

    private TrainingState checked(Path file) {
        if (step >= 0 && tokens >= 0 && positions.values().stream().allMatch(p -> p >= 0)) return this;
        throw Failure.data(
                file.toString(),
                "step " + step + ", tokens " + tokens + ", positions " + positions,
                "no negative numbers",
                "The file is corrupt: resume from an older checkpoint.");
    }
}
