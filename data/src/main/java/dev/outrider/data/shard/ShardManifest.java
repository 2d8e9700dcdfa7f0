package dev.outrider.data.shard;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.outrider.checkpoints.Failure;
import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a folder of shards holds ({@code manifest.json}): enough to refuse the wrong tokenizer, an unfinished
 * copy or another version before a single row is read. It holds no time and no place, so equal data have
 * equal manifests.
 *
 * @param schema version of the layout, {@link #SCHEMA}
 * @param tokenizerHash {@code Tokenizer.hash()}
 * @param vocabSize ids are below this
 * @param sequenceLength T, tokens of a row
 * @param tokens tokens without padding
 * @param supervisedTokens tokens with mask 1
 * @param documents different documents (or answers)
 * @param counts what the making counted: documents read, removed by each filter, kept
 * @param facts settings it was made with, and where from
 */
public record ShardManifest(
        int schema,
        String tokenizerHash,
        int vocabSize,
        int sequenceLength,
        long rows,
        long tokens,
        long supervisedTokens,
        long documents,
        List<ShardFile> files,
        Map<String, Long> counts,
        Map<String, String> facts) {
    /** The version written here. */
    public static final int SCHEMA = 1;

    public static final String NAME = "manifest.json";

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .build();

    public ShardManifest {
        files = List.copyOf(files);
        counts = Collections.unmodifiableMap(new TreeMap<>(counts));
        facts = Collections.unmodifiableMap(new TreeMap<>(facts));
    }

    /** One shard. */
    public record ShardFile(
            String name, long rows, long tokens, long supervisedTokens, long documents, long bytes, String sha256)
            implements Serializable {}

    /** A manifest over these files, with their sums. */
    public static ShardManifest of(
            String tokenizerHash,
            int vocabSize,
            int sequenceLength,
            List<ShardFile> files,
            Map<String, Long> counts,
            Map<String, String> facts) {
        return new ShardManifest(
                SCHEMA,
                tokenizerHash,
                vocabSize,
                sequenceLength,
                files.stream().mapToLong(ShardFile::rows).sum(),
                files.stream().mapToLong(ShardFile::tokens).sum(),
                files.stream().mapToLong(ShardFile::supervisedTokens).sum(),
                files.stream().mapToLong(ShardFile::documents).sum(),
                files,
                counts,
                facts);
    }

    /** sha256 over everything the manifest says, and so over the shards' own hashes. */
    public String hash() {
        return Hashes.of(json());
    }

    /** Writes {@code manifest.json} into the folder; last, so that a folder with a manifest is whole. */
    public void write(Path folder) throws IOException {
        Files.writeString(folder.resolve(NAME), json() + "\n");
    }

    private String json() {
        try {
            return JSON.writeValueAsString(this);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Reads a folder's manifest; a missing, corrupt, too old or too new one are four different Failures. */
    public static ShardManifest read(Path folder) {
        Path file = folder.resolve(NAME);
        if (!Files.isRegularFile(file)) {
            throw Failure.data(
                    folder.toString(),
                    Files.isDirectory(folder) ? "no " + NAME : "no such folder",
                    "a folder of shards",
                    "Give the folder of one split (such as train/), or make it with the data verb.");
        }
        try {
            JsonNode tree = JSON.readTree(Files.readString(file));
            requireSchema(file, tree.path("schema"));
            return JSON.treeToValue(tree, ShardManifest.class).complete(file);
        } catch (JsonProcessingException e) {
            throw corrupt(file, "what is no manifest (" + e.getOriginalMessage() + ")");
        } catch (IOException e) {
            throw corrupt(file, "an unreadable file (" + e.getMessage() + ")");
        }
    }

    private static void requireSchema(Path file, JsonNode schema) {
        if (!schema.isInt()) throw corrupt(file, "no schema version");
        requireSchema(file, schema.intValue());
    }

    /** Too old and too new are two errors. */
    static void requireSchema(Path file, int schema) {
        String place = file + ", schema", found = "version " + schema, expected = "version " + SCHEMA;
        if (schema < SCHEMA) {
            throw Failure.data(place, found + ", too old", expected, "Make the shards again with this version.");
        }
        if (schema > SCHEMA) {
            throw Failure.data(place, found + ", too new", expected, "Read them with the newer version of Outrider.");
        }
    }

    private ShardManifest complete(Path file) {
        if (tokenizerHash == null || sequenceLength < 2 || vocabSize < 1) {
            throw corrupt(file, "no tokenizer hash, length or vocabulary");
        }
        if (files.stream().mapToLong(ShardFile::rows).sum() != rows) {
            throw corrupt(file, rows + " rows, but another sum over the files");
        }
        return this;
    }

    private static Failure corrupt(Path file, String found) {
        return Failure.data(
                file.toString(), found + "; corrupt", "a manifest of shards", "Copy or make the shards again.");
    }
}
