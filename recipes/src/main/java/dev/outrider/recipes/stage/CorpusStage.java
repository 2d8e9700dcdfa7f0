package dev.outrider.recipes.stage;

import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.Stage;
import dev.outrider.recipes.world.World;
import java.nio.file.Path;
import java.util.List;

/** The text to pre-train on, where it is not in files already: of the procedural world, or written by the target. */
public final class CorpusStage implements Stage {
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
        return recipe.text().written() == 0
                ? List.of(recipe.world().map(Recipe.World::documents))
                : List.of(
                        recipe.world().map(Recipe.World::documents),
                        recipe.target().checkpoint(),
                        recipe.text().written(),
                        recipe.text().length());
    }

    @Override
    public void run(Run run) {
        run.recipe()
                .world()
                .ifPresent(world ->
                        Corpus.writeDocuments(run, new World(run.recipe().seed()).documents(world.documents())));
        if (run.recipe().text().written() > 0) write(run);
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
