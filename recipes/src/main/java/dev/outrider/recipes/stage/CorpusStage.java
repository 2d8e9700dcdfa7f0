package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.answers.Answers;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Recipe.Generate;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.Stage;
import dev.outrider.recipes.stage.Corpus.Prompt;
import dev.outrider.recipes.world.Task;
import dev.outrider.recipes.world.World;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * The text and the prompts that everything else starts from: of the procedural world, written by the target
 * itself, or from files.
 */
public final class CorpusStage implements Stage {
    @Override
    public String name() {
        return "corpus";
    }

    @Override
    public List<Object> settings(Recipe recipe) {
        return List.of(
                recipe.world(),
                recipe.target().checkpoint(),
                recipe.text().written(),
                recipe.text().length(),
                recipe.generate().prompts(),
                recipe.generate().openings(),
                recipe.generate().openingTokens(),
                recipe.generate().evaluation());
    }

    @Override
    public void run(Run run) {
        Generate generate = run.recipe().generate();
        Corpus.Split split = new Corpus.Split();
        run.recipe().world().ifPresent(world -> world(run, world, split));
        if (run.recipe().text().written() > 0) write(run);
        if (generate.openings() > 0) split.add(openings(run, generate), generate.evaluation());
        for (Path file : generate.prompts()) split.add(Corpus.read(file), generate.evaluation());
        Corpus.writePrompts(run, split);
    }

    private static void world(Run run, Recipe.World size, Corpus.Split split) {
        World world = new World(run.recipe().seed());
        Corpus.writeDocuments(run, world.documents(size.documents()));
        long heldOut =
                Math.max(1, Math.round(size.prompts() * run.recipe().generate().evaluation()));
        LongStream.range(0, size.prompts()).forEach(i -> split.answered().add(prompt(world, i, 0)));
        LongStream.range(0, heldOut).forEach(i -> split.heldOut().add(prompt(world, i, World.HELD_OUT)));
    }

    // The tasks in turn.
    private static Prompt prompt(World world, long number, long base) {
        Task[] tasks = Task.values();
        var p = world.prompt(tasks[(int) (number % tasks.length)], base + number / tasks.length);
        return new Prompt(p.id(), p.task().name().toLowerCase(Locale.ROOT), p.opening());
    }

    /** Texts from nothing, at temperature 1: the target's own law. */
    private static void write(Run run) {
        Path blank = run.corpus().resolve("blank.jsonl");
        Corpus.write(blank, blanks("text", run.recipe().text().written()));
        Spark.write(
                run,
                "texts",
                blank,
                written(run),
                List.of(1.0),
                1,
                1,
                run.recipe().text().length() - 1);
    }

    /** The first tokens of other such texts, as prompts. */
    private static List<Prompt> openings(Run run, Generate generate) {
        Path blank = run.corpus().resolve("openings.jsonl"),
                output = run.corpus().resolve("openings");
        Corpus.write(blank, blanks("opening", generate.openings()));
        Spark.write(run, "openings", blank, output, List.of(1.0), 1, 1, generate.openingTokens());
        Tokenizer tokenizer = Models.tokenizer(run);
        List<Prompt> prompts = new ArrayList<>();
        Answers.read(output, a -> {
            String text = tokenizer.decode(Arrays.stream(a.answerIds()).toArray());
            if (a.success() && !text.isBlank()) prompts.add(new Prompt(a.promptId(), "openings", text));
        });
        return prompts;
    }

    private static List<Prompt> blanks(String name, int count) {
        return Stream.iterate(0, i -> i + 1)
                .limit(count)
                .map(i -> new Prompt("%s-%06d".formatted(name, i), name, ""))
                .toList();
    }

    /** Answers to nothing: texts that the target wrote. */
    static Path written(Run run) {
        return run.corpus().resolve("written");
    }

    @Override
    public void clean(Run run) {
        Models.delete(run.corpus());
    }
}
