package dev.outrider.recipes.world;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.DiskFailures;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * A folder of pictures, equal ones once, and files that name them: JSON objects a line, {@code image} being the name
 * inside the folder. Dialogues and prompts have LLaVA's form, {@code {"id", "image", "task", "conversations"}}. A file
 * is there only when all its pictures are; what an interrupted run left is written over.
 */
public final class Album {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path folder;
    private final Set<String> written = new HashSet<>();

    /** @param folder of the pictures, made where it is not there */
    public Album(Path folder) {
        this.folder = folder;
    }

    /** {@code {"id", "image", "caption"}} a line. */
    public void captions(Path file, Stream<Caption> captions) {
        write(file, captions, c -> row(c.id(), c.picture()).put("caption", c.text()));
    }

    /** Dialogues with their answers, to train on. */
    public void dialogues(Path file, Stream<SeenPrompt> prompts) {
        write(file, prompts, p -> {
            ObjectNode row = row(p);
            turn((ArrayNode) row.get("conversations"), "gpt", p.answer());
            return row;
        });
    }

    /** Dialogues up to the user's turn, for a target to answer. */
    public void prompts(Path file, Stream<SeenPrompt> prompts) {
        write(file, prompts, this::row);
    }

    private ObjectNode row(SeenPrompt p) {
        ObjectNode row = row(p.id(), p.picture()).put("task", p.task().label());
        turn(row.putArray("conversations"), "human", p.prompt());
        return row;
    }

    private ObjectNode row(String id, Drawing picture) {
        draw(picture);
        return JSON.createObjectNode().put("id", id).put("image", picture.name());
    }

    private static void turn(ArrayNode turns, String from, String value) {
        turns.addObject().put("from", from).put("value", value);
    }

    private void draw(Drawing picture) {
        if (!written.add(picture.name())) return;
        Path file = folder.resolve(picture.name());
        try {
            Files.createDirectories(folder);
            Files.write(file, picture.png());
        } catch (IOException e) {
            throw DiskFailures.writing(file, e);
        }
    }

    private static <T> void write(Path file, Stream<T> things, Function<T, ObjectNode> row) {
        AtomicFiles.file(file, temporary -> {
            try (BufferedWriter out = Files.newBufferedWriter(temporary)) {
                for (T thing : (Iterable<T>) things::iterator) {
                    out.write(row.apply(thing).toString());
                    out.newLine();
                }
            }
        });
    }
}
