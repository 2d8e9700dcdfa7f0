package dev.outrider.checkpoints.tokenizer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.outrider.checkpoints.DiskFailures;
import dev.outrider.checkpoints.Failure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A JSON value together with where it stands, so that what is wrong can be named.
 *
 * @param parent what it is a part of; null for a whole file
 * @param key of the member with a comma before it, an index, or the file
 */
record JsonPlace(JsonPlace parent, String key, JsonNode node) {
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
            .build();

    private static final String REMEDY = "The file is damaged or of another kind: get it again.";

    static JsonPlace read(Path file) {
        try {
            return new JsonPlace(null, file.toString(), JSON.readTree(Files.readString(file)));
        } catch (JsonProcessingException e) {
            String at = e.getLocation() == null
                    ? ""
                    : ", line " + e.getLocation().getLineNr() + ", column "
                            + e.getLocation().getColumnNr();
            throw Failure.data(file + at, e.getOriginalMessage(), "JSON", REMEDY);
        } catch (IOException e) {
            throw DiskFailures.reading(file, e);
        }
    }

    /** File, keys and indices. */
    String place() {
        return parent == null ? key : parent.place() + key;
    }

    /** The member, which may be absent: then it is null in JSON's sense. */
    JsonPlace at(String key) {
        JsonNode member = node.get(key);
        return new JsonPlace(this, ", " + key, member == null ? JSON.nullNode() : member);
    }

    List<JsonPlace> items() {
        if (!node.isArray()) throw expected("a list");
        List<JsonPlace> items = new ArrayList<>();
        for (JsonNode item : node) items.add(new JsonPlace(this, "[" + items.size() + "]", item));
        return items;
    }

    boolean absent() {
        return node.isNull();
    }

    boolean isText() {
        return node.isTextual();
    }

    String text() {
        if (!node.isTextual()) throw expected("text");
        return node.textValue();
    }

    String textOr(String other) {
        return absent() ? other : text();
    }

    int integer() {
        if (!node.canConvertToInt() || !node.isIntegralNumber()) throw expected("an integer");
        return node.intValue();
    }

    boolean flag() {
        if (!absent() && !node.isBoolean()) throw expected("true or false");
        return node.asBoolean(false);
    }

    /** The {@code type} of a step; empty where the step is absent. */
    String type() {
        return absent() ? "" : at("type").text();
    }

    /** The steps of a pipeline: those under the key of a Sequence, one, or none. */
    List<JsonPlace> steps(String key) {
        if (absent()) return List.of();
        return type().equals("Sequence") ? at(key).items() : List.of(this);
    }

    /** This must be that text. */
    void require(String expected) {
        if (!text().equals(expected)) throw unsupported("\"" + text() + "\"", "\"" + expected + "\"");
    }

    Failure expected(String what) {
        String found = node.toString();
        return Failure.data(place(), found.length() > 80 ? found.substring(0, 80) + "..." : found, what, REMEDY);
    }

    /** For what is well formed but not supported. */
    Failure unsupported(String what, String expected) {
        return Failure.data(
                place(),
                what,
                expected,
                "Supported are byte-pair encoding with byte fallback (LLaMA), byte-level byte-pair encoding"
                        + " (GPT-2, Llama 3, Qwen2, SmolLM) and unigram: use a model with such a tokenizer.");
    }
}
