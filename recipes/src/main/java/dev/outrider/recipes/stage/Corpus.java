package dev.outrider.recipes.stage;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.Words;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.answers.Prompt;
import dev.outrider.data.answers.Prompts;
import dev.outrider.data.conversation.Conversation;
import dev.outrider.data.conversation.ConversationFiles;
import dev.outrider.data.conversation.PictureIds;
import dev.outrider.decode.model.Picture;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Run;
import java.io.BufferedWriter;
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
import java.util.Optional;
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

    private Corpus() {}

    static Path documents(Run run) {
        return run.corpus().resolve("documents.jsonl");
    }

    /** The world's pictures. */
    static Path pictures(Run run) {
        return run.corpus().resolve("pictures");
    }

    /** Captions of pictures, to train a tower on. */
    static Path captions(Run run) {
        return run.corpus().resolve("captions.jsonl");
    }

    static Path captionsHeldOut(Run run) {
        return run.corpus().resolve("captions-heldout.jsonl");
    }

    /** Dialogues about pictures, to train a target on. */
    static Path seen(Run run) {
        return run.corpus().resolve("seen.jsonl");
    }

    /** The words of dialogues about pictures, for a tokenizer. */
    static Path words(Run run) {
        return run.corpus().resolve("words.jsonl");
    }

    /** Prompts about pictures for the target to answer. */
    static Path seenPrompts(Run run) {
        return run.corpus().resolve("seen-prompts.jsonl");
    }

    /** Prompts about other pictures, only ever evaluated on. */
    static Path seenHeldOut(Run run) {
        return run.corpus().resolve("seen-heldout.jsonl");
    }

    /** A picture that nothing is trained on. */
    static String heldOutPicture(Run run) {
        List<String> names = new ArrayList<>();
        ConversationFiles.of(seenHeldOut(run)).forEach(e -> names.addAll(((Conversation) e).images()));
        return names.getFirst();
    }

    static Path prompts(Run run) {
        return run.prompts().resolve("prompts.jsonl");
    }

    private static Path heldOutFile(Run run) {
        return run.prompts().resolve("heldout.jsonl");
    }

    static void writeDocuments(Run run, Stream<String> texts) {
        writeTexts(documents(run), texts);
    }

    static void writeTexts(Path file, Stream<String> texts) {
        AtomicFiles.file(file, t -> {
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
            for (Prompt p : prompts) (fraction(about(p)) < share ? heldOut : answered).add(p);
        }

        // Prompts about one picture are on one side.
        private static String about(Prompt p) {
            return p.pictures().isEmpty() ? p.text() : p.pictures().getFirst();
        }
    }

    /** Writes both sides; equal texts once. */
    static void writePrompts(Run run, Split split) {
        List<Prompt> answered = distinct(split.answered()), heldOut = distinct(split.heldOut());
        boolean elsewhere = !run.recipe().evaluate().suites().isEmpty();
        if (answered.isEmpty() || heldOut.isEmpty() && !elsewhere) {
            throw Failure.data(
                    "prompts of " + run.file().file(),
                    answered.size() + " to answer and " + heldOut.size() + " held out",
                    "some of both",
                    "Give more prompts, change generate.evaluation, or name evaluate.suites.");
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
        return prompts.stream().filter(p -> seen.add(p.pictures() + p.text())).toList();
    }

    static void write(Path file, List<Prompt> prompts) {
        Prompts.Jsonl.write(file, prompts);
    }

    /** Uniform in [0, 1), by the text alone. */
    static double fraction(String text) {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return ((hash[0] & 0xff) << 16 | (hash[1] & 0xff) << 8 | hash[2] & 0xff) / (double) (1 << 24);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Prompts of a file: those of conversations in the target's chat template, or {"prompt": .., perhaps "id" and "task"}
     * a line, which are taken as they are.
     */
    static List<Prompt> read(Run run, Path file) {
        if (Prompts.Jsonl.isForm(file)) return new Prompts.Jsonl(List.of(file)).read(() -> Spark.session(run));
        var target = run.recipe().target();
        return new Prompts.Conversations(
                        ConversationFiles.of(file), Models.target(run), target.chatTemplate(), Words.LITERAL)
                .read(() -> Spark.session(run));
    }

    /**
     * Prompts to evaluate on, at most {@code perTask} of each task: those of the suites, or the held-out ones.
     *
     * @param room tokens of the longest prompt that the target can answer
     * @param pictures that prompts name; empty where the target cannot see: then they are read without
     */
    static List<Evaluator.Prompt> evaluated(
            Run run, Tokenizer tokenizer, int perTask, int room, Optional<Pictures> pictures) {
        List<Prompt> all = new ArrayList<>();
        run.recipe()
                .evaluate()
                .suites()
                .forEach((suite, file) ->
                        read(run, Path.of(file)).forEach(p -> all.add(p.of(Suites.task(suite, p.task())))));
        if (all.isEmpty()) all.addAll(new Prompts.Jsonl(List.of(heldOutFile(run))).read(() -> Spark.session(run)));
        boolean skips = run.recipe().pictures().bad() == Recipe.Bad.SKIP;
        Map<String, Integer> taken = new LinkedHashMap<>();
        List<Evaluator.Prompt> out = new ArrayList<>();
        for (Prompt p : all) {
            if (taken.getOrDefault(p.task(), 0) == perTask) continue;
            int[] ids = ids(tokenizer, p);
            int length = ids.length
                    + p.pictures().size() * (pictures.map(Pictures::rows).orElse(0) - 1);
            if (length > room) {
                run.out().println("left out: prompt " + p.id() + " of " + length + " tokens, with room for " + room);
                continue;
            }
            if (skips && pictures.isPresent() && leftOut(run, p, pictures.get())) continue;
            taken.merge(p.task(), 1, Integer::sum);
            List<Picture> shown = pictures.map(
                            seen -> p.pictures().stream().map(seen::file).toList())
                    .orElse(List.of());
            out.add(new Evaluator.Prompt(p.id(), p.task(), p.text(), ids, shown));
        }
        if (out.isEmpty()) {
            throw Failure.data(
                    run.file().file().toString(),
                    "no prompt to evaluate on",
                    "some",
                    "Name evaluate.suites of others.");
        }
        return out;
    }

    // With a line on the terminal.
    private static boolean leftOut(Run run, Prompt p, Pictures pictures) {
        Optional<Failure> why = p.pictures().stream()
                .flatMap(name -> pictures.unreadable(name).stream())
                .findFirst();
        why.ifPresent(f -> run.out().println("left out: prompt " + p.id() + ": " + f.getMessage()));
        return why.isPresent();
    }

    private static int[] ids(Tokenizer tokenizer, Prompt prompt) {
        if (prompt.ids() != null) return prompt.ids();
        return prompt.pictures().isEmpty()
                ? tokenizer.encodeWithBos(prompt.text())
                : PictureIds.of(tokenizer, prompt.text());
    }
}
