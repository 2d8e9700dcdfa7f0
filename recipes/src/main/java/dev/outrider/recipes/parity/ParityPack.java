package dev.outrider.recipes.parity;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.Failure;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * What a target and its draft said here, to be said again by whoever serves them: {@code parity.json}.
 *
 * @param toleranceNats of a logit, but for what is added to all of its case
 * @param rounding what {@link Case#hash} is made of
 * @param expected block efficiency by draft length, where it was measured
 */
public record ParityPack(
        String target,
        String draft,
        String tokenizer,
        double toleranceNats,
        String rounding,
        List<Case> cases,
        List<Expected> expected) {
    public static final String FILE = "parity.json";
    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    /**
     * One prompt.
     *
     * @param ids what the models read, begin token included
     * @param continuation the target's greedy answer
     * @param margins between the target's best and second logit at each of its tokens: where it is small, other
     *     arithmetic may choose another token
     * @param top the draft's likeliest tokens behind the prompt
     * @param logits theirs
     * @param hash sha256 over all logits of the draft there, rounded
     */
    public record Case(
            String text,
            int[] ids,
            int[] continuation,
            String continuationText,
            float[] margins,
            int[] top,
            float[] logits,
            String hash) {}

    /** Block efficiency with its 95 % interval; prompt pass left out, bonus token counted. */
    public record Expected(double temperature, int gamma, double tau, double low, double high) {}

    public void write(Path file) {
        AtomicFiles.file(file, t -> JSON.writeValue(t.toFile(), this));
    }

    /** @param path the pack's folder, or parity.json in it */
    public static ParityPack read(Path path) {
        Path file = path.endsWith(FILE) ? path : path.resolve(FILE);
        try {
            return JSON.readValue(file.toFile(), ParityPack.class);
        } catch (UnrecognizedPropertyException e) {
            throw unreadable(file, "the field \"" + e.getPropertyName() + "\", which this version does not write", e);
        } catch (JsonProcessingException e) {
            throw unreadable(file, e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw unreadable(file, e.getMessage(), e);
        }
    }

    private static Failure unreadable(Path file, String found, IOException cause) {
        return new Failure(
                Failure.Kind.DATA,
                file.toString(),
                found,
                "a parity pack written by this version",
                "Evaluate the run again, or check the path.",
                cause);
    }
}
