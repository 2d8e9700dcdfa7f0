package dev.outrider.data.image;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.DiskFailures;
import dev.outrider.checkpoints.Failure;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.stream.Stream;

/**
 * Which picture an image file of a store is, or why it is none: {@code index.jsonl}, a line a file name. Those that are
 * none lie apart too, in {@code refused.jsonl}.
 */
public final class PictureIndex implements Serializable {
    static final String NAME = "index.jsonl", REFUSED = "refused.jsonl";
    private static final ObjectMapper JSON = new ObjectMapper();

    /** File names and their entries. */
    private final HashMap<String, Entry> entries = new HashMap<>();

    /**
     * A file.
     *
     * @param file its name, as rows have it
     * @param id of its picture; empty where it is none
     * @param why it is none; empty where it is one
     */
    public record Entry(String file, String id, PictureFate fate, String why) implements Serializable {
        @JsonIgnore
        public boolean kept() {
            return fate == PictureFate.KEPT;
        }
    }

    PictureIndex(Collection<Entry> all) {
        for (Entry entry : all) entries.put(entry.file(), entry);
    }

    /**
     * The index of a store's folder.
     *
     * @throws Failure DATA where there is none, or a damaged one
     */
    public static PictureIndex read(Path folder) {
        Path file = folder.resolve(NAME);
        try (Stream<String> lines = Files.lines(file)) {
            return new PictureIndex(lines.map(line -> entry(file, line)).toList());
        } catch (IOException e) {
            throw DiskFailures.reading(file, e);
        }
    }

    private static Entry entry(Path file, String line) {
        try {
            return JSON.readValue(line, Entry.class);
        } catch (IOException e) {
            throw Failure.data(
                    file.toString(),
                    "a line that is no entry; corrupt",
                    "an index of pictures",
                    "Make the store again.");
        }
    }

    /** What became of a file; one that the store was not made for is missing. */
    public Entry entry(String name) {
        Entry found = entries.get(name);
        if (found != null) return found;
        return new Entry(name, "", PictureFate.MISSING, name + ": the store of pictures was made without it");
    }

    /** File names in it. */
    public int size() {
        return entries.size();
    }

    static void write(Path folder, List<Entry> entries) throws IOException {
        write(folder.resolve(NAME), entries.stream());
        write(folder.resolve(REFUSED), entries.stream().filter(entry -> !entry.kept()));
    }

    private static void write(Path file, Stream<Entry> entries) throws IOException {
        try (BufferedWriter out = Files.newBufferedWriter(file)) {
            for (Entry entry : (Iterable<Entry>) entries::iterator) {
                out.append(JSON.writeValueAsString(entry)).append('\n');
            }
        }
    }
}
