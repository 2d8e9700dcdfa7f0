package dev.outrider.recipes.stage;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.DiskFailures;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.recipes.Run;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A run's own text files: documents.jsonl to pre-train on, prompts.jsonl for the target to answer, and
 * heldout.jsonl, prompts that are only ever evaluated on. A prompt is held out by the hash of its text, so
 * that the same question never stands on both sides.
 */
final class Corpus {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** @param text as the model reads it, in its template */
    record Prompt(String id, String task, String text) {}

    private Corpus() {}

    static Path documents(Run run) {
        return run.corpus().resolve("documents.jsonl");
    }

    static Path prompts(Run run) {
        return run.prompts().resolve("prompts.jsonl");
    }

    private static Path heldOutFile(Run run) {
        return run.prompts().resolve("heldout.jsonl");
    }

    static void writeDocuments(Run run, Stream<String> texts) {
        AtomicFiles.file(documents(run), t -> {
            try (BufferedWriter out = Files.newBufferedWriter(t)) {
                for (String text : (Iterable<String>) texts::iterator) {
                    out.write(JSON.createObjectNode().put("text", text).toString());
                    out.newLine();
                }
            }
        });
    }

    /** Prompts to answer, and prompts that are only ever evaluated on. */
    record Split(List<Prompt> answered, List<Prompt> heldOut) {
        Split() {
            this(new ArrayList<>(), new ArrayList<>());
        }

        /** Adds each to one side, by the hash of its text. */
        void add(List<Prompt> prompts, double share) {
            for (Prompt p : prompts) (fraction(p.text()) < share ? heldOut : answered).add(p);
        }
    }

    /** Writes both sides; equal texts once. */
    static void writePrompts(Run run, Split split) {
        List<Prompt> answered = distinct(split.answered()), heldOut = distinct(split.heldOut());
        if (answered.isEmpty() || heldOut.isEmpty()) {
            throw Failure.data(
                    "prompts of " + run.file().file(),
                    answered.size() + " to answer and " + heldOut.size() + " held out",
                    "some of both",
                    "Give more prompts, or change generate.evaluation.");
        }
        write(prompts(run), answered);
        write(heldOutFile(run), heldOut);
        run.out().println(answered.size() + " prompts to answer, " + heldOut.size() + " held out for evaluation");
    }

    /** Prompts that say nothing: what answers them is a text of the target's own. */
    static List<Prompt> blanks(String name, int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> new Prompt("%s-%06d".formatted(name, i), name, ""))
                .toList();
    }

    private static List<Prompt> distinct(List<Prompt> prompts) {
        Set<String> seen = new LinkedHashSet<>();
        return prompts.stream().filter(p -> seen.add(p.text())).toList();
    }

    static void write(Path file, List<Prompt> prompts) {
        AtomicFiles.file(file, t -> {
            try (BufferedWriter out = Files.newBufferedWriter(t)) {
                for (Prompt p : prompts) {
                    out.write(JSON.createObjectNode()
                            .put("id", p.id())
                            .put("task", p.task())
                            .put("prompt", p.text())
                            .toString());
                    out.newLine();
                }
            }
        });
    }

    /** Uniform in [0, 1), by the text alone. */
    private static double fraction(String text) {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return ((hash[0] & 0xff) << 16 | (hash[1] & 0xff) << 8 | hash[2] & 0xff) / (double) (1 << 24);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Prompts of JSONL files: {"prompt": .., perhaps "id" and "task"} a line. */
    static List<Prompt> read(Path file) {
        List<Prompt> prompts = new ArrayList<>();
        try {
            int line = 0;
            for (String text : Files.readAllLines(file)) {
                line++;
                if (!text.isBlank()) prompts.add(parse(file, line, text));
            }
        } catch (IOException e) {
            throw DiskFailures.reading(file, e);
        }
        return prompts;
    }

    private static Prompt parse(Path file, int line, String text) {
        String place = file + ", line " + line;
        try {
            JsonNode node = JSON.readTree(text);
            if (!node.path("prompt").isTextual()) {
                throw Failure.data(
                        place, "no text under 'prompt'", "{\"id\": .., \"prompt\": ..}", "Correct the line.");
            }
            String id = node.path("id").asText(file.getFileName() + ":" + line);
            return new Prompt(
                    id, node.path("task").asText("text"), node.path("prompt").asText());
        } catch (IOException e) {
            throw new Failure(Failure.Kind.DATA, place, "bad JSON", "one object a line", "Correct the line.", e);
        }
    }

    /** Held-out prompts, at most {@code perTask} of each task, with BOS. */
    static List<Evaluator.Prompt> heldOut(Run run, Tokenizer tokenizer, int perTask) {
        Map<String, Integer> taken = new LinkedHashMap<>();
        List<Evaluator.Prompt> out = new ArrayList<>();
        for (Prompt p : read(heldOutFile(run))) {
            if (taken.merge(p.task(), 1, Integer::sum) > perTask) continue;
            out.add(new Evaluator.Prompt(p.task(), p.text(), ids(tokenizer, p.text())));
        }
        return out;
    }

    private static int[] ids(Tokenizer tokenizer, String text) {
        int[] ids = tokenizer.encode(text, true);
        return !tokenizer.addsBos()
                ? ids
                : IntStream.concat(IntStream.of(tokenizer.bosId()), IntStream.of(ids))
                        .toArray();
    }
}
