package dev.outrider.recipes.stage;

import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.Stage;
import dev.outrider.recipes.world.Album;
import dev.outrider.recipes.world.Caption;
import dev.outrider.recipes.world.SeenPrompt;
import dev.outrider.recipes.world.SeenTask;
import dev.outrider.recipes.world.Sights;
import dev.outrider.recipes.world.World;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * The text to pre-train on, where it is not in files already: of the procedural world, or written by the target. And the
 * world's pictures, with captions, dialogues and prompts about them, or those of {@link Dialogues}.
 */
public final class CorpusStage implements Stage {
    /** Pairs held out to see whether a tower tells pictures apart. */
    private static final int CAPTIONS = 256;

    @Override
    public String name() {
        return "corpus";
    }

    @Override
    public List<String> needs(Recipe recipe) {
        return List.of();
    }

    @Override
    public List<Object> settings(Recipe recipe) {
        List<Object> settings = new ArrayList<>(List.of(world(recipe)));
        if (recipe.text().written() > 0) {
            settings.addAll(List.of(
                    recipe.target().checkpoint(),
                    recipe.text().written(),
                    recipe.text().length()));
        }
        settings.addAll(Dialogues.settings(recipe));
        return settings;
    }

    private static Object world(Recipe recipe) {
        return recipe.world()
                .map(w -> List.of(
                        w.documents(),
                        w.seen(),
                        w.seenPrompts(),
                        w.seenPrompts() > 0 ? recipe.generate().evaluation() : 0));
    }

    @Override
    public void run(Run run) {
        run.recipe().world().ifPresent(world -> {
            Corpus.writeDocuments(run, new World(run.recipe().seed()).documents(world.documents()));
            if (world.pictures() > 0) draw(run, world);
        });
        if (run.recipe().text().written() > 0) write(run);
        if (!run.recipe().pictures().dialogues().isEmpty()) Dialogues.write(run);
    }

    private static void draw(Run run, Recipe.World world) {
        Sights sights = new Sights(run.recipe().seed());
        Album album = new Album(Corpus.pictures(run));
        if (world.seen() > 0) {
            album.captions(Corpus.captions(run), sights.captions(world.seen()));
            album.captions(Corpus.captionsHeldOut(run), heldOut(CAPTIONS).mapToObj(sights::caption));
            album.dialogues(Corpus.seen(run), sights.documents(world.seen()));
            Corpus.writeTexts(Corpus.words(run), words(sights, world.seen()));
        }
        if (world.seenPrompts() > 0) {
            album.prompts(Corpus.seenPrompts(run), prompts(sights, LongStream.range(0, world.seenPrompts())));
            long evaluated = Math.max(
                    1, Math.round(world.seenPrompts() * run.recipe().generate().evaluation()));
            album.prompts(Corpus.seenHeldOut(run), prompts(sights, heldOut(evaluated)));
        }
    }

    private static LongStream heldOut(long count) {
        return LongStream.range(World.HELD_OUT, World.HELD_OUT + count);
    }

    // The tasks in turn.
    private static Stream<SeenPrompt> prompts(Sights sights, LongStream indices) {
        SeenTask[] tasks = SeenTask.values();
        return indices.mapToObj(i -> sights.prompt(tasks[(int) (i % tasks.length)], i));
    }

    private static Stream<String> words(Sights sights, long count) {
        return Stream.concat(
                sights.documents(count).map(SeenPrompt::text),
                sights.captions(count).map(Caption::text));
    }

    /** Texts from nothing, at temperature 1: the target's own law. */
    private static void write(Run run) {
        Path blank = run.corpus().resolve("blank.jsonl");
        Corpus.write(blank, Corpus.blanks("text", run.recipe().text().written()));
        Spark.write(
                run,
                "texts",
                new Spark.Wanted(
                        blank,
                        written(run),
                        List.of(1.0),
                        1,
                        1,
                        run.recipe().text().length() - 1,
                        0));
    }

    /** Answers to nothing: texts that the target wrote. */
    static Path written(Run run) {
        return run.corpus().resolve("written");
    }

    @Override
    public List<Path> artefacts(Run run) {
        return List.of(run.corpus());
    }

    @Override
    public void clean(Run run) {
        Models.delete(run.corpus());
    }
}
