package dev.outrider.recipes.stage;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.DiskFailures;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.Message;
import dev.outrider.data.conversation.Conversation;
import dev.outrider.data.conversation.ConversationFiles;
import dev.outrider.data.conversation.Example;
import dev.outrider.data.image.PictureFolders;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Run;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * Conversations about pictures out of files, cut in two by what they are about: those that tower and target are trained on
 * and that the target is asked again, and those that are only ever evaluated on. Pictures that a conversation of the second
 * kind is about are in none of the first, whatever file it is from, nor is their text.
 */
final class Dialogues {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** A caption has so many words; shorter answers ("True", "2") say too little of a picture to tell it from others. */
    private static final int CAPTION_WORDS = 3;

    private final Run run;
    private final ConversationFiles files;
    private final Optional<PictureFolders> folders;
    private final Set<String> heldOut;
    private final Set<String> refused = new LinkedHashSet<>();

    private Dialogues(Run run) {
        this.run = run;
        Recipe.Pictures pictures = run.recipe().pictures();
        files = ConversationFiles.of(pictures.dialogues().toArray(Path[]::new));
        // Where bad pictures are refused, a missing one is an error later.
        folders = pictures.bad() == Recipe.Bad.SKIP ? Optional.of(Pictures.folders(run)) : Optional.empty();
        heldOut = heldOut(run);
    }

    /** All that decides what is written. */
    static List<Object> settings(Recipe recipe) {
        Recipe.Pictures pictures = recipe.pictures();
        if (pictures.dialogues().isEmpty()) return List.of();
        boolean conversations = recipe.text().format() == Recipe.Format.CONVERSATIONS;
        return List.of(
                pictures.dialogues(),
                pictures.tasks(),
                pictures.folders(),
                pictures.bad(),
                recipe.generate().evaluation(),
                conversations ? recipe.text().inputs() : List.of());
    }

    /** What may not be trained on: subjects and pictures. Nothing where a recipe has no dialogues. */
    static Set<String> heldOut(Run run) {
        Set<String> out = new HashSet<>();
        double share = run.recipe().generate().evaluation();
        List<Path> dialogues = run.recipe().pictures().dialogues();
        if (dialogues.isEmpty()) return out;
        Consumer<Example> each = e -> {
            if (!(e instanceof Conversation c) || c.images().isEmpty()) return;
            if (Corpus.fraction(c.subject()) < share) out.addAll(c.subjects());
        };
        // Rows that are refused are spoken of where they are left out.
        ConversationFiles.of(dialogues.toArray(Path[]::new)).forEach(each, row -> {});
        return out;
    }

    static void write(Run run) {
        new Dialogues(run).write();
    }

    private void write() {
        Predicate<Conversation> evaluated = c -> c.subjects().stream().anyMatch(heldOut::contains);
        Predicate<Conversation> caption = Dialogues::isCaption;
        long trained = rows(Corpus.seen(run), evaluated.negate(), Dialogues::dialogue);
        if (trained == 0) throw none();
        rows(Corpus.seenPrompts(run), evaluated.negate(), c -> dialogue(c.prompt()));
        long held = rows(Corpus.seenHeldOut(run), evaluated, c -> dialogue(c.prompt()));
        long captions = rows(Corpus.captions(run), caption.and(evaluated.negate()), Dialogues::caption);
        rows(Corpus.captionsHeldOut(run), caption.and(evaluated), Dialogues::caption);
        words(evaluated);
        if (!refused.isEmpty()) {
            run.out()
                    .println("left out: " + refused.size() + " bad rows, for example "
                            + refused.iterator().next());
        }
        run.out()
                .println("dialogues about pictures: " + trained + " to train on, " + held + " held out; captions: "
                        + captions);
    }

    /** Those of the wanted tasks that name pictures, all of which are there. */
    private void each(Consumer<Conversation> each) {
        List<String> tasks = run.recipe().pictures().tasks();
        files.forEach(
                e -> {
                    if (!(e instanceof Conversation c) || c.images().isEmpty() || !there(c)) return;
                    if (tasks.isEmpty() || tasks.contains(c.task())) each.accept(c);
                },
                this::refuse);
    }

    /** A row that is of no form: left out where bad ones may be. */
    private void refuse(Failure row) {
        if (folders.isEmpty()) throw row;
        refused.add(row.getMessage());
    }

    private boolean there(Conversation c) {
        return folders.isEmpty()
                || c.images().stream().allMatch(name -> folders.get().find(name).isPresent());
    }

    private Failure none() {
        Recipe.Pictures pictures = run.recipe().pictures();
        return Failure.data(
                files.paths().toString(),
                "no conversation about a picture of " + pictures.folders()
                        + (pictures.tasks().isEmpty() ? "" : ", of the tasks " + pictures.tasks()),
                "some to train on",
                "Correct pictures.folders or pictures.tasks, or name other pictures.dialogues.");
    }

    /** Makes a row of a conversation. */
    private interface Row {
        ObjectNode of(Conversation c);
    }

    private long rows(Path file, Predicate<Conversation> wanted, Row row) {
        long[] count = {0};
        AtomicFiles.file(file, temporary -> {
            try (BufferedWriter out = Files.newBufferedWriter(temporary)) {
                each(c -> {
                    if (!wanted.test(c)) return;
                    count[0]++;
                    line(out, row.of(c), file);
                });
            }
        });
        return count[0];
    }

    private static void line(BufferedWriter out, ObjectNode row, Path file) {
        try {
            out.write(row.toString());
            out.newLine();
        } catch (IOException e) {
            throw DiskFailures.writing(file, e);
        }
    }

    private static ObjectNode dialogue(Conversation c) {
        ObjectNode row = JSON.createObjectNode().put("id", c.id()).put("task", c.task());
        row.set("image", JSON.valueToTree(c.images()));
        row.set(
                "messages",
                JSON.valueToTree(c.messages().stream().map(Message::members).toList()));
        return row;
    }

    private static boolean isCaption(Conversation c) {
        return c.images().size() == 1
                && answer(c)
                        .filter(a -> a.split("\\s+").length >= CAPTION_WORDS)
                        .isPresent();
    }

    private static Optional<String> answer(Conversation c) {
        return c.messages().stream()
                .filter(Message::assistant)
                .map(m -> m.text().strip())
                .findFirst();
    }

    private static ObjectNode caption(Conversation c) {
        return JSON.createObjectNode()
                .put("id", c.id())
                .put("image", c.images().getFirst())
                .put("caption", answer(c).orElseThrow());
    }

    /** What a tokenizer is trained on: all that is said, in conversations without pictures too. */
    private void words(Predicate<Conversation> evaluated) {
        Recipe.Text text = run.recipe().text();
        AtomicFiles.file(Corpus.words(run), temporary -> {
            try (BufferedWriter out = Files.newBufferedWriter(temporary)) {
                Consumer<Conversation> say = c -> {
                    if (evaluated.test(c)) return;
                    for (Message m : c.messages())
                        line(out, JSON.createObjectNode().put("text", m.text()), Corpus.words(run));
                };
                each(say);
                if (text.format() == Recipe.Format.CONVERSATIONS
                        && !text.inputs().isEmpty()) {
                    ConversationFiles.of(text.inputs().toArray(Path[]::new))
                            .forEach(
                                    e -> {
                                        if (e instanceof Conversation c) say.accept(c);
                                    },
                                    row -> {});
                }
            }
        });
    }
}
