package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.chat.Words;
import dev.outrider.data.answers.Prompts;
import dev.outrider.data.conversation.Conversation;
import dev.outrider.data.conversation.ConversationFiles;
import dev.outrider.data.conversation.ConversationShards;
import dev.outrider.data.conversation.ConversationSpec;
import dev.outrider.data.image.PictureManifest;
import dev.outrider.data.image.PictureShards;
import dev.outrider.data.image.PictureSpec;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.Stage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * The pictures that prompts and dialogues name, made ready for the tower or seen by it already; and the dialogues about them
 * that a target is trained on.
 */
public final class PictureStage implements Stage {
    private static final int ROWS_PER_SHARD = 16384;

    @Override
    public String name() {
        return "pictures";
    }

    @Override
    public List<String> needs(Recipe recipe) {
        if (!recipe.looks()) return List.of();
        return recipe.target().checkpoint().isPresent()
                ? List.of("corpus", "tower")
                : List.of("corpus", "data", "tower");
    }

    @Override
    public List<Object> settings(Recipe recipe) {
        if (!recipe.looks()) return List.of();
        return List.of(
                recipe.pictures().folders(),
                recipe.pictures().kept(),
                recipe.pictures().bad(),
                recipe.pictures().mostPixels(),
                recipe.generate().prompts(),
                recipe.world().map(w -> List.of(w.seen(), w.seenPrompts())),
                Dialogues.settings(recipe),
                recipe.text().length(),
                recipe.trainsSeeing() ? recipe.text().validation() : 0,
                recipe.target().checkpoint(),
                recipe.target().template());
    }

    @Override
    public void run(Run run) {
        if (!run.recipe().looks()) return;
        Set<String> names = names(run);
        if (names.isEmpty()) return;
        Recipe.Pictures wanted = run.recipe().pictures();
        PictureSpec spec = new PictureSpec(
                Pictures.folders(run),
                List.copyOf(names),
                run.pictures(),
                wanted.kept(),
                Pictures.reading(run),
                Pictures.options(run),
                wanted.bad() == Recipe.Bad.SKIP,
                PictureSpec.PER_SHARD);
        run.out()
                .printf(
                        Locale.ROOT,
                        "pictures: %d named, up to %,.1f MB%n",
                        names.size(),
                        PictureShards.bytes(spec) / 1e6);
        PictureManifest made = PictureShards.write(Spark.session(run), spec);
        run.out().println("pictures: " + made.counts());
        if (run.recipe().trainsSeeing()) rows(run);
    }

    private static Set<String> names(Run run) {
        Set<String> names = new TreeSet<>();
        List<Path> files = new ArrayList<>(run.recipe().generate().prompts());
        if (run.recipe().trainsSeeing()) files.add(Corpus.seen(run));
        if (run.recipe().asksAboutPictures()) files.add(Corpus.seenPrompts(run));
        for (Path file : files) {
            if (Prompts.Jsonl.isForm(file)) {
                new Prompts.Jsonl(List.of(file))
                        .read(() -> Spark.session(run))
                        .forEach(p -> names.addAll(p.pictures()));
            } else {
                ConversationFiles.of(file).forEach(e -> {
                    if (e instanceof Conversation c) names.addAll(c.images());
                });
            }
        }
        return names;
    }

    private static void rows(Run run) {
        var report = ConversationShards.write(
                Spark.session(run),
                new ConversationSpec(
                        ConversationFiles.of(Corpus.seen(run)),
                        run.tokenizer(),
                        run.recipe().target().chatTemplate(),
                        Words.LITERAL,
                        run.seen(),
                        run.recipe().text().length(),
                        false,
                        run.recipe().pictures().bad() == Recipe.Bad.SKIP,
                        Optional.empty(),
                        Optional.empty(),
                        Set.of(),
                        Optional.of(run.pictures()),
                        false,
                        run.recipe().text().validation(),
                        ROWS_PER_SHARD,
                        run.recipe().seed()));
        run.out().println("dialogues about pictures: " + report.counts());
        DataStage.rows(
                run,
                report.train().rows(),
                report.train().tokens(),
                report.train().sequenceLength());
    }

    @Override
    public List<Path> artefacts(Run run) {
        return List.of(run.pictures(), run.seen());
    }

    @Override
    public void clean(Run run) {
        Models.delete(run.pictures());
        Models.delete(run.seen());
    }
}
