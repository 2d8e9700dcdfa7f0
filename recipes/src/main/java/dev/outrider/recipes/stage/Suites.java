package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.chat.Message;
import dev.outrider.data.answers.Prompt;
import dev.outrider.data.answers.Prompts;
import dev.outrider.data.conversation.Contamination;
import dev.outrider.data.conversation.Conversation;
import dev.outrider.data.conversation.ConversationFiles;
import dev.outrider.data.shard.Hashes;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Run;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Evaluation suites: files of prompts that are evaluated on, and so must not be trained on. */
final class Suites {
    /** The categories of MT-bench, which Spec-Bench counts as one of its six tasks. */
    private static final Set<String> MT_BENCH =
            Set.of("writing", "roleplay", "reasoning", "math", "coding", "extraction", "stem", "humanities");

    private final Run run;
    private final Optional<Contamination> contamination;
    private final Set<String> told = new HashSet<>();

    Suites(Run run) {
        this.run = run;
        this.contamination = contamination(run);
    }

    /** The task that a prompt is reported under. */
    static String task(String suite, String category) {
        if (category.isEmpty()) return suite;
        return MT_BENCH.contains(category) ? "mt_bench" : category;
    }

    /** The suites' files, sorted: what a suite is called changes no training data. */
    static List<String> paths(Recipe recipe) {
        return recipe.evaluate().suites().values().stream().sorted().toList();
    }

    /** What is to be kept out of training; empty without suites. */
    static Optional<Contamination> contamination(Run run) {
        List<String> files = paths(run.recipe());
        if (files.isEmpty()) return Optional.empty();
        return Optional.of(Contamination.of(new ConversationFiles(files, null), Contamination.SHARE));
    }

    /** As {@link #contamination(Run)}, read once. */
    Optional<Contamination> contamination() {
        return contamination;
    }

    /** A file's prompts without those that are evaluated on; each of these is named on the terminal, once. */
    List<Prompt> clean(Path file) {
        List<Prompt> prompts = Corpus.read(run, file);
        if (contamination.isEmpty()) return prompts;
        if (Prompts.Jsonl.isForm(file)) {
            return clean(prompts, file.toString());
        }
        Set<String> out = evaluated(ConversationFiles.of(file));
        return prompts.stream().filter(p -> !out.contains(p.id())).toList();
    }

    /**
     * Prompts without those that hold one that is evaluated on.
     *
     * @param place they are from
     */
    List<Prompt> clean(List<Prompt> prompts, String place) {
        if (contamination.isEmpty()) return prompts;
        return prompts.stream().filter(p -> !evaluated(said(p, place))).toList();
    }

    private static Conversation said(Prompt p, String place) {
        return new Conversation(p.id(), p.task(), List.of(Message.of(Message.USER, p.text())), p.pictures(), "", place);
    }

    // A prompt goes by its row's id, or by the hash of what is said where several rows have it.
    private Set<String> evaluated(ConversationFiles file) {
        Set<String> ids = new HashSet<>();
        file.forEach(example -> {
            if (!(example instanceof Conversation c) || !evaluated(c.prompt())) return;
            ids.add(c.id());
            ids.add(Hashes.of(c.prompt().text()));
            ids.add(Hashes.of(c.prompt().aboutImages()));
        });
        return ids;
    }

    private boolean evaluated(Conversation prompt) {
        Optional<Contamination.Found> found = contamination.orElseThrow().find(prompt);
        found.filter(f -> told.add(f.prompt()))
                .ifPresent(f -> run.out().println("left out: " + f.place() + " is evaluated on: " + brief(f.prompt())));
        return found.isPresent();
    }

    private static String brief(String text) {
        String line = text.replaceAll("\\s+", " ");
        return line.length() <= 80 ? line : line.substring(0, 77) + "...";
    }
}
