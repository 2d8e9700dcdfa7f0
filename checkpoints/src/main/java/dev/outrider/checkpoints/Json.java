package dev.outrider.checkpoints;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DatabindException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.Pattern;

/** JSON as files of ours hold it: no duplicate keys, nothing after the end, errors with file and line. */
final class Json {
    static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .enable(SerializationFeature.INDENT_OUTPUT)
            .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
            .build();

    // Behind it Jackson speaks of classes and of its own settings.
    private static final Pattern JACKSON_DETAIL = Pattern.compile("; `| \\(class | \\(index |, problem: ");

    private Json() {}

    /** The file's one object. */
    static Keys read(Path file) {
        try {
            return new Keys(file.toString(), object(file.toString(), MAPPER.readTree(Files.readAllBytes(file))));
        } catch (JacksonException e) {
            throw malformed(file.toString(), e);
        } catch (IOException e) {
            throw DiskFailures.reading(file, e);
        }
    }

    static ObjectNode object(String place, JsonNode node) {
        if (node instanceof ObjectNode object) return object;
        throw Failure.data(
                place,
                node.isMissingNode() ? "nothing" : node.getNodeType().toString().toLowerCase(Locale.ROOT),
                "a JSON object",
                "Get or write the file again.");
    }

    /** Text that is no JSON, or JSON that lacks a key, has another, or holds a value of another type. */
    static Failure malformed(String place, JacksonException e) {
        boolean text = !(e instanceof DatabindException);
        JsonLocation at = e.getLocation();
        String where = text && at != null ? ", line " + at.getLineNr() + ", column " + at.getColumnNr() : "";
        return new Failure(
                Failure.Kind.DATA,
                place + where,
                JACKSON_DETAIL.split(e.getOriginalMessage())[0],
                text ? "well-formed JSON" : "the keys of this file's form, each with a value of its type",
                "Get or write the file again.",
                e);
    }

    static void write(Path file, Object value) throws IOException {
        Files.writeString(file, MAPPER.writeValueAsString(value) + "\n");
    }
}
