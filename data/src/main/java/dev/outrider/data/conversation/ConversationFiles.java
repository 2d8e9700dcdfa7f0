package dev.outrider.data.conversation;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.DiskFailures;
import dev.outrider.checkpoints.Failure;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/**
 * Files of conversations: a JSON list, one JSON object after the other (JSONL), either of them as .gz. All rows of
 * a file have one form, that of its first row unless one is named. Read row by row, never whole.
 *
 * @param paths files, or folders with .json, .jsonl and .gz files
 * @param form null: found by looking
 */
public record ConversationFiles(List<String> paths, Form form) implements Serializable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final JsonFactory FACTORY = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build()
            .setCodec(JSON);

    public ConversationFiles {
        paths = List.copyOf(paths);
        if (paths.isEmpty()) {
            throw Failure.usage("conversations", "no paths", "files or folders of conversations", "Name at least one.");
        }
    }

    public static ConversationFiles of(Path... files) {
        return new ConversationFiles(Stream.of(files).map(Path::toString).toList(), null);
    }

    /** One row, read or refused. */
    sealed interface Row extends Serializable {
        record Read(Example example) implements Row {}

        /** @param failure what is wrong with it, and where */
        record Refused(Failure failure) implements Row {}
    }

    /** The files themselves, folders listed, in the order of their names. */
    List<String> files() {
        return paths.stream()
                .flatMap(p -> files(Path.of(p)).stream())
                .distinct()
                .toList();
    }

    private static List<String> files(Path path) {
        if (!Files.isDirectory(path)) return List.of(path.toString());
        try (Stream<Path> inside = Files.list(path)) {
            List<String> found = inside.map(Path::toString)
                    .filter(n -> n.matches(".*\\.jsonl?(\\.gz)?"))
                    .sorted()
                    .toList();
            if (!found.isEmpty()) return found;
        } catch (IOException e) {
            throw DiskFailures.reading(path, e);
        }
        throw Failure.usage(path.toString(), "no .json, .jsonl or .gz file", "at least one", "Name other paths.");
    }

    /**
     * Every row of a file, in order.
     *
     * @throws Failure DATA where the file is no JSON from some line on, or empty
     */
    void read(String file, Consumer<Row> each) {
        Path path = Path.of(file);
        try (InputStream in = open(path);
                JsonParser parser = FACTORY.createParser(in)) {
            new Pass(path, parser, each).run();
        } catch (JsonProcessingException e) {
            int line = e.getLocation() == null ? 1 : e.getLocation().getLineNr();
            throw Failure.data(
                    path + ":" + line,
                    "no JSON (" + e.getOriginalMessage() + ")",
                    "a list of objects, or one object after the other",
                    "Correct the file, or get it again.");
        } catch (IOException e) {
            throw DiskFailures.reading(path, e);
        }
    }

    private static InputStream open(Path path) throws IOException {
        InputStream file = new BufferedInputStream(Files.newInputStream(path));
        file.mark(2);
        boolean zipped = file.read() == 0x1f && file.read() == 0x8b;
        file.reset();
        return zipped ? new GZIPInputStream(file) : file;
    }

    /** One reading of a file. */
    private final class Pass {
        private final Path file;
        private final JsonParser parser;
        private final Consumer<Row> each;
        private Form found = form;
        private int rows;

        Pass(Path file, JsonParser parser, Consumer<Row> each) {
            this.file = file;
            this.parser = parser;
            this.each = each;
        }

        void run() throws IOException {
            boolean list = false;
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                if (token == JsonToken.START_ARRAY && rows == 0 && !list) list = true;
                else if (token != JsonToken.END_ARRAY)
                    row(parser.currentTokenLocation().getLineNr());
            }
            if (rows > 0) return;
            throw Failure.data(file.toString(), "no rows", "conversations", "Give a file that holds some.");
        }

        private void row(int line) throws IOException {
            JsonNode row = JSON.readTree(parser);
            rows++;
            String place = file + ":" + line;
            try {
                each.accept(new Row.Read(example(row, place)));
            } catch (Failure e) {
                each.accept(new Row.Refused(e));
            }
        }

        private Example example(JsonNode row, String place) {
            Optional<Form> looks = row.isObject() ? Form.of(row) : Optional.empty();
            if (looks.isEmpty()) throw unknown(row, place);
            if (found == null) found = looks.get();
            if (looks.get() == found || form != null) return RowReader.read(row, found, place);
            throw Failure.data(
                    place,
                    "a row of the form " + looks.get().key(),
                    found.key() + ", as the file's first row is",
                    "Put rows of different forms into different files, or let bad rows be skipped.");
        }

        private Failure unknown(JsonNode row, String place) {
            List<String> keys =
                    row.properties().stream().map(java.util.Map.Entry::getKey).toList();
            return Failure.data(
                    place,
                    row.isObject() ? "an object with " + keys : "no object",
                    "messages, conversations, instruction and output, prompt and response, turns, or input_ids"
                            + " and loss_mask",
                    "Convert the row to one of these forms, or let bad rows be skipped.");
        }
    }
}
