package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.chat.Message;
import dev.outrider.data.answers.Prompt;
import dev.outrider.data.conversation.Contamination;
import dev.outrider.data.conversation.Conversation;
import dev.outrider.data.conversation.ConversationFiles;
import dev.outrider.data.shard.Hashes;
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

    private Suites() {}

    /** The task that a prompt is reported under. */
    static String task(String suite, String category) {
        if (category.isEmpty()) return suite;
        return MT_BENCH.contains(category) ? "mt_bench" : category;
    }

    /** What is to be kept out of training; empty without suites. */
    static Optional<Contamination> contamination(Run run) {
        List<Path> files =
                run.recipe().evaluate().suites().values().stream().map(Path::of).toList();
        if (files.isEmpty()) return Optional.empty();
        return Optional.of(Contamination.of(ConversationFiles.of(files.toArray(Path[]::new)), Contamination.SHARE));
    }

    /** Ids of the prompts in a file that are prompts of a suite; each is named on the terminal once. */
    static Set<String> contaminated(Run run, Path file) {
        Set<String> ids = new HashSet<>();
        contamination(run)
                .ifPresent(suites -> ConversationFiles.of(file).forEach(example -> {
                    if (!(example instanceof Conversation c)) return;
                    suites.find(c.prompt()).ifPresent(found -> {
                        if (ids.add(Hashes.of(c.prompt().text()))) name(run, found);
                        ids.add(c.id());
                    });
                }));
        return ids;
    }

    private static void name(Run run, Contamination.Found found) {
        run.out().println("left out: " + found.place() + " is evaluated on: " + brief(found.prompt()));
    }

    /** Prompts without those that hold a suite's prompt. */
    static List<Prompt> clean(Run run, List<Prompt> prompts) {
        Optional<Contamination> suites = contamination(run);
        if (suites.isEmpty()) return prompts;
        return prompts.stream()
                .filter(p -> {
                    Message said = Message.of(Message.USER, p.text());
                    Conversation one = new Conversation(p.id(), p.task(), List.of(said), null, p.id());
                    Optional<Contamination.Found> found = suites.get().find(one);
                    found.ifPresent(f -> name(run, f));
                    return found.isEmpty();
                })
                .toList();
    }

    private static String brief(String text) {
        String line = text.replaceAll("\\s+", " ");
        return line.length() <= 80 ? line : line.substring(0, 77) + "...";
    }
}
