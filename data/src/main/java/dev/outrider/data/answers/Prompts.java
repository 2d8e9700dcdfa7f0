package dev.outrider.data.answers;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.DiskFailures;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.Words;
import dev.outrider.data.SparkFailures;
import dev.outrider.data.conversation.ConversationFiles;
import dev.outrider.data.shard.Hashes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;

/** Where prompts come from. They are held on the driver: meant for up to some millions. */
public sealed interface Prompts {
    /**
     * In the order of their ids, those about the same pictures together, unless said otherwise.
     *
     * @param spark asked only where prompts are in a table
     */
    List<Prompt> read(Supplier<SparkSession> spark);

    /** With a session that is there already. */
    default List<Prompt> read(SparkSession spark) {
        return read(() -> spark);
    }

    /**
     * JSON objects with {@code prompt} and, if there, {@code id}, {@code task}, {@code ids}, the tokens to read, and {@code
     * images}, the names of the image files that it is about.
     */
    record Jsonl(List<Path> files) implements Prompts {
        private static final JsonMapper JSON = new JsonMapper();
        private static final List<String> ANSWERS = List.of("response", "completion", "messages");

        @Override
        public List<Prompt> read(Supplier<SparkSession> spark) {
            List<Prompt> out = new ArrayList<>();
            for (Path file : files) read(file, out);
            return checked(out, files.toString());
        }

        private static void read(Path file, List<Prompt> out) {
            int number = 0;
            try (Stream<String> lines = Files.lines(file)) {
                for (String line : (Iterable<String>) lines::iterator) {
                    number++;
                    if (!line.isBlank()) out.add(prompt(JSON.readTree(line), file + ":" + number));
                }
            } catch (JsonProcessingException e) {
                throw bad(file + ":" + number, "no JSON (" + e.getOriginalMessage() + ")");
            } catch (IOException e) {
                throw DiskFailures.reading(file, e);
            }
        }

        private static Prompt prompt(JsonNode line, String place) {
            if (!line.path("prompt").isTextual()) throw bad(place, "no string field prompt");
            String text = line.path("prompt").textValue();
            JsonNode id = line.path("id");
            return new Prompt(
                    id.isValueNode() && !id.isNull() ? id.asText() : Hashes.of(text),
                    line.path("task").asText(""),
                    text,
                    ids(line.path("ids"), place),
                    images(line.path("images"), place));
        }

        private static List<String> images(JsonNode list, String place) {
            List<String> out = new ArrayList<>();
            for (JsonNode name : list) {
                if (!name.isTextual()) throw bad(place, "images that are no names");
                out.add(name.textValue());
            }
            return out;
        }

        private static int[] ids(JsonNode list, String place) {
            if (list.isMissingNode() || list.isNull()) return null;
            int[] out = new int[list.size()];
            for (int i = 0; i < out.length; i++) {
                if (!list.get(i).canConvertToInt()) throw bad(place, "ids that are no integers");
                out[i] = list.get(i).intValue();
            }
            return out;
        }

        /** Whether a file looks like one of these: its first row, if any, has a prompt and nobody's answer to it. */
        public static boolean isForm(Path file) {
            if (file.toString().endsWith(".gz") || file.toString().endsWith(".json")) return false;
            try (Stream<String> lines = Files.lines(file)) {
                Optional<String> first = lines.filter(line -> !line.isBlank()).findFirst();
                if (first.isEmpty()) return true;
                JsonNode row = JSON.readTree(first.get());
                return row.has("prompt") && ANSWERS.stream().noneMatch(row::has);
            } catch (IOException | UncheckedIOException e) {
                return false;
            }
        }

        /** Writes a file that this reads. */
        public static void write(Path file, List<Prompt> prompts) {
            AtomicFiles.file(file, temporary -> {
                List<String> lines = prompts.stream().map(Jsonl::line).toList();
                Files.write(temporary, lines);
            });
        }

        private static String line(Prompt prompt) {
            ObjectNode line = JSON.createObjectNode()
                    .put("id", prompt.id())
                    .put("task", prompt.task())
                    .put("prompt", prompt.text());
            if (prompt.ids() != null) line.set("ids", JSON.valueToTree(prompt.ids()));
            if (!prompt.pictures().isEmpty()) line.set("images", JSON.valueToTree(prompt.pictures()));
            return line.toString();
        }

        private static Failure bad(String place, String found) {
            return Failure.data(
                    place, found, "{\"prompt\": text, \"id\": unique, \"task\": name}", "Correct the line.");
        }
    }

    /**
     * A Parquet table.
     *
     * @param column with the texts
     * @param idColumn with the ids; null: the text's hash
     * @param taskColumn null: none
     */
    record Column(List<String> paths, String column, String idColumn, String taskColumn) implements Prompts {
        @Override
        public List<Prompt> read(Supplier<SparkSession> spark) {
            List<Row> rows = SparkFailures.reading(
                    paths,
                    () -> spark.get()
                            .read()
                            .parquet(paths.toArray(String[]::new))
                            .select(text(column), text(idColumn), text(taskColumn))
                            .collectAsList());
            List<Prompt> out = new ArrayList<>();
            for (Row row : rows) {
                if (row.isNullAt(0)) continue;
                String text = row.getString(0);
                out.add(new Prompt(
                        row.isNullAt(1) ? Hashes.of(text) : row.getString(1),
                        row.isNullAt(2) ? "" : row.getString(2),
                        text));
            }
            return checked(out, paths.toString());
        }

        private static org.apache.spark.sql.Column text(String name) {
            return (name == null ? functions.lit(null) : functions.col("`" + name + "`")).cast("string");
        }
    }

    /**
     * Conversations, each up to the user's last message, in a chat template; of prompts with several turns
     * ({@code turns}) the first. Equal ones come once, under the row's own id, or under the hash of what is said
     * where several rows share it. Where the model sees, equal prompts about other images are other prompts; a model that
     * reads text alone has the rows' words as they are. The task is the row's {@code task}, {@code category} or {@code dataset}.
     *
     * @param model whose tokenizer and template it is
     * @param template one of {@code ChatTemplate.names()}; empty: the model's own
     * @param words how the text of special tokens inside messages is read
     */
    record Conversations(ConversationFiles files, Path model, Optional<String> template, Words words)
            implements Prompts {
        @Override
        public List<Prompt> read(Supplier<SparkSession> spark) {
            return checked(ConversationPrompts.read(this), files.paths().toString());
        }
    }

    /** So many of all kinds, by the hashes of their ids and in that order: more of them later begin with the same. */
    record First(int most, Prompts of) implements Prompts {
        @Override
        public List<Prompt> read(Supplier<SparkSession> spark) {
            return of.read(spark).stream()
                    .sorted(Comparator.comparing(p -> Hashes.of(p.id())))
                    .limit(most)
                    .toList();
        }
    }

    /** @param most 0: all */
    static Prompts first(int most, Prompts of) {
        return most == 0 ? of : new First(most, of);
    }

    private static List<Prompt> checked(List<Prompt> prompts, String place) {
        if (prompts.isEmpty()) {
            throw Failure.data(place, "no prompts", "at least one", "Give the target something to answer.");
        }
        Set<String> ids = new HashSet<>();
        for (Prompt prompt : prompts) {
            if (ids.add(prompt.id())) continue;
            throw Failure.data(
                    place, "the prompt id " + prompt.id() + " twice", "unique ids", "Rename or remove one of them.");
        }
        // Those about the same pictures together: their features are made once, however few are kept.
        prompts.sort(Comparator.comparing((Prompt p) -> String.join("\n", p.pictures()))
                .thenComparing(Prompt::id));
        return prompts;
    }
}
