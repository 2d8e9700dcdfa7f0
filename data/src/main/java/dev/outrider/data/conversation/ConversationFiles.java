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
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/**
 * Files of conversations: a JSON list, one JSON object after the other (JSONL), or one object that is COCO's captions or
 * ScienceQA's problems; each of them as .gz too. All rows of a file have one form, that of its first row unless one is
 * named. Read row by row, never whole; of COCO's captions all are held.
 *
 * @param paths files, or folders with .json, .jsonl and .gz files
 * @param form null: found by looking
 * @param split rows that say they are of another split are passed over; empty: all are read
 */
public record ConversationFiles(List<String> paths, Form form, String split) implements Serializable {
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

    /** Of all splits. */
    public ConversationFiles(List<String> paths, Form form) {
        this(paths, form, "");
    }

    /** Only rows of this split, and those that name none. */
    public ConversationFiles only(String split) {
        return new ConversationFiles(paths, form, split);
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
    public List<String> files() {
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

    /** Every row of every file, in order; the first that is refused is thrown. */
    public void forEach(Consumer<Example> each) {
        forEach(each, refused -> {
            throw refused;
        });
    }

    /** Every row of every file, in order; what is wrong with one, and where, goes to {@code refused}. */
    public void forEach(Consumer<Example> each, Consumer<Failure> refused) {
        for (String file : files()) {
            try (Rows rows = rows(file)) {
                while (rows.hasNext()) {
                    switch (rows.next()) {
                        case Row.Read read -> each.accept(read.example());
                        case Row.Refused row -> refused.accept(row.failure());
                    }
                }
            }
        }
    }

    /**
     * Every row of a file, in order. Going on throws Failure DATA where the file is no JSON from some line on, or
     * empty.
     */
    Rows rows(String file) {
        try {
            return new Rows(Path.of(file), form, split);
        } catch (IOException e) {
            throw DiskFailures.reading(Path.of(file), e);
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
    static final class Rows implements Iterator<Row>, AutoCloseable {
        private final Path file;
        private final JsonParser parser;
        private final boolean named;
        private final String split;
        private final Deque<Row> ready = new ArrayDeque<>();
        private Form form;
        private long rows;
        private boolean list, ended;
        private WholeFile.Rows whole;

        private Rows(Path file, Form form, String split) throws IOException {
            this.file = file;
            this.form = form;
            this.split = split;
            this.named = form != null;
            this.parser = FACTORY.createParser(open(file));
        }

        @Override
        public boolean hasNext() {
            while (ready.isEmpty() && !ended) {
                try {
                    advance();
                } catch (JsonProcessingException e) {
                    throw malformed(e);
                } catch (IOException e) {
                    throw DiskFailures.reading(file, e);
                }
            }
            return !ready.isEmpty();
        }

        private void advance() throws IOException {
            WholeFile.Row next = next(whole);
            if (next == null) {
                whole = null;
                if (ended) return;
                next = row(token());
            }
            if (next == null) return;
            rows++;
            take(next.row(), file + ":" + next.line());
        }

        private static WholeFile.Row next(WholeFile.Rows whole) throws IOException {
            return whole == null ? null : whole.next();
        }

        private JsonToken token() throws IOException {
            JsonToken token = parser.nextToken();
            boolean opens = token == JsonToken.START_ARRAY && rows == 0 && !list;
            if (opens) list = true;
            if (opens || token == JsonToken.END_ARRAY) token = parser.nextToken();
            return token == JsonToken.END_ARRAY ? parser.nextToken() : token;
        }

        // Null at the end of the file, and where the rows to come are those of the whole file.
        private WholeFile.Row row(JsonToken token) throws IOException {
            ended = token == null;
            if (ended && rows == 0) {
                throw Failure.data(file.toString(), "no rows", "conversations", "Give a file that holds some.");
            }
            if (ended) return null;
            if (token == JsonToken.START_OBJECT && rows == 0 && !list) {
                whole = WholeFile.open(parser);
                return null;
            }
            int line = parser.currentTokenLocation().getLineNr();
            return new WholeFile.Row(JSON.readTree(parser), line);
        }

        private void take(JsonNode row, String place) {
            try {
                for (Example example : examples(row, place)) if (wanted(example)) ready.add(new Row.Read(example));
            } catch (Failure e) {
                ready.add(new Row.Refused(e));
            }
        }

        private boolean wanted(Example example) {
            return split.isEmpty()
                    || !(example instanceof Conversation c)
                    || c.split().isEmpty()
                    || c.split().equals(split);
        }

        @Override
        public Row next() {
            if (!hasNext()) throw new NoSuchElementException();
            return ready.remove();
        }

        private Failure malformed(JsonProcessingException e) {
            int line = e.getLocation() == null ? 1 : e.getLocation().getLineNr();
            return Failure.data(
                    file + ":" + line,
                    "no JSON (" + e.getOriginalMessage() + ")",
                    "a list of objects, or one object after the other",
                    "Correct the file, or get it again.");
        }

        private List<Example> examples(JsonNode row, String place) {
            Optional<Form> looks = row.isObject() ? Form.of(row) : Optional.empty();
            if (looks.isEmpty()) throw unknown(row, place);
            if (form == null) form = looks.get();
            if (named || looks.get() == form) return RowReader.read(row, form, place);
            throw Failure.data(
                    place,
                    "a row of the form " + looks.get().key(),
                    form.key() + ", as the file's first row is",
                    "Put rows of different forms into different files, or let bad rows be skipped.");
        }

        private static Failure unknown(JsonNode row, String place) {
            List<String> keys = row.properties().stream().map(Map.Entry::getKey).toList();
            return Failure.data(
                    place,
                    row.isObject() ? "an object with " + keys : "no object",
                    "messages, conversations, instruction and output, prompt and response, turns, input_ids"
                            + " and loss_mask, or a row of COCO, ScienceQA or NLVR",
                    "Convert the row to one of these forms, or let bad rows be skipped.");
        }

        @Override
        public void close() {
            try {
                parser.close();
            } catch (IOException e) {
                throw DiskFailures.reading(file, e);
            }
        }
    }
}
