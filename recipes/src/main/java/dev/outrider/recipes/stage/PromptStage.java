package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.chat.ChatTemplate;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.answers.Answers;
import dev.outrider.data.answers.Passages;
import dev.outrider.data.answers.Prompt;
import dev.outrider.data.answers.WrittenPrompts;
import dev.outrider.data.text.Source;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Recipe.Generate;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.Stage;
import dev.outrider.recipes.world.Task;
import dev.outrider.recipes.world.World;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.LongStream;

/** Prompts for the target to answer, and others to evaluate on: of the world, from files, or the target's own. */
public final class PromptStage implements Stage {
    private static final int LONGEST_TURN = 160;

    @Override
    public String name() {
        return "prompts";
    }

    @Override
    public List<String> needs(Recipe recipe) {
        return recipe.asksAboutPictures() ? List.of("corpus", "target") : List.of("target");
    }

    @Override
    public List<Object> settings(Recipe recipe) {
        List<Object> settings = new ArrayList<>(List.of(
                recipe.world(),
                Dialogues.settings(recipe),
                recipe.generate().prompts(),
                recipe.generate().openings(),
                recipe.generate().openings() > 0 ? recipe.generate().openingTokens() : 0,
                recipe.generate().written(),
                recipe.generate().begin(),
                recipe.generate().passages(),
                recipe.generate().written() > 0 ? recipe.generate().nearDuplicates() : 1,
                recipe.target().template(),
                Suites.paths(recipe),
                recipe.generate().evaluation()));
        if (recipe.generate().written() + recipe.generate().openings() > 0) settings.addAll(Models.heldTarget(recipe));
        return settings;
    }

    @Override
    public void run(Run run) {
        Generate generate = run.recipe().generate();
        Corpus.Split split = new Corpus.Split();
        run.recipe().world().ifPresent(world -> world(run, world, split));
        if (run.recipe().asksAboutPictures()) pictures(run, split);
        if (generate.openings() > 0) split.add(openings(run, generate), generate.evaluation());
        Suites suites = new Suites(run);
        if (generate.written() > 0) split.add(written(run, generate, suites), generate.evaluation());
        generate.passages().ifPresent(p -> split.add(passages(run, p, suites), generate.evaluation()));
        for (Path file : generate.prompts()) split.add(suites.clean(file), generate.evaluation());
        Corpus.writePrompts(run, split);
    }

    private static void world(Run run, Recipe.World size, Corpus.Split split) {
        World world = new World(run.recipe().seed());
        long heldOut =
                Math.max(1, Math.round(size.prompts() * run.recipe().generate().evaluation()));
        LongStream.range(0, size.prompts()).forEach(i -> split.answered().add(prompt(world, i, 0)));
        LongStream.range(0, heldOut).forEach(i -> split.heldOut().add(prompt(world, i, World.HELD_OUT)));
    }

    private static void pictures(Run run, Corpus.Split split) {
        split.answered().addAll(Corpus.read(run, Corpus.seenPrompts(run)));
        split.heldOut().addAll(Corpus.read(run, Corpus.seenHeldOut(run)));
    }

    // The tasks in turn.
    private static Prompt prompt(World world, long number, long base) {
        Task[] tasks = Task.values();
        var p = world.prompt(tasks[(int) (number % tasks.length)], base + number / tasks.length);
        return new Prompt(p.id(), p.task().name().toLowerCase(Locale.ROOT), p.opening());
    }

    /** Users' turns that the target makes up, without those that are evaluated on. */
    private static List<Prompt> written(Run run, Generate generate, Suites suites) {
        Path blank = run.prompts().resolve("turns.jsonl"),
                output = run.prompts().resolve("turns");
        Tokenizer tokenizer = Models.tokenizer(run);
        ChatTemplate template =
                ChatTemplate.require(Models.target(run), run.recipe().target().chatTemplate());
        List<String> beginnings = generate.begin().isEmpty() ? List.of("") : generate.begin();
        List<Prompt> openings = WrittenPrompts.openings(template, tokenizer, generate.written(), beginnings);
        Corpus.write(blank, openings);
        Spark.write(run, "turns", new Spark.Wanted(blank, output, List.of(1.0), 1, 1, LONGEST_TURN, 0));
        WrittenPrompts written = WrittenPrompts.of(
                Spark.session(run),
                output,
                openings,
                template,
                tokenizer,
                suites.contamination(),
                generate.nearDuplicates(),
                run.recipe().seed());
        run.out().println("prompts that the target wrote: " + written.counts());
        return written.prompts();
    }

    private static List<Prompt> passages(Run run, Recipe.Passages p, Suites suites) {
        Source.Text texts =
                new Source.Text(p.texts().stream().map(Path::toString).toList(), p.unit());
        ChatTemplate template =
                ChatTemplate.require(Models.target(run), run.recipe().target().chatTemplate());
        Passages passages = new Passages(texts, p.least(), p.words(), p.ask());
        return suites.clean(
                passages.prompts(Spark.session(run), template, Models.tokenizer(run)),
                p.texts().toString());
    }

    /** The first tokens of other such texts, as prompts. */
    private static List<Prompt> openings(Run run, Generate generate) {
        Path blank = run.prompts().resolve("openings.jsonl"),
                output = run.prompts().resolve("openings");
        Corpus.write(blank, Corpus.blanks("opening", generate.openings()));
        Spark.write(run, "openings", new Spark.Wanted(blank, output, List.of(1.0), 1, 1, generate.openingTokens(), 0));
        Tokenizer tokenizer = Models.tokenizer(run);
        List<Prompt> prompts = new ArrayList<>();
        Answers.read(output, a -> {
            String text = tokenizer.decode(Arrays.stream(a.answerIds()).toArray());
            if (a.success() && !text.isBlank()) prompts.add(new Prompt(a.promptId(), "openings", text));
        });
        return prompts;
    }

    @Override
    public List<Path> artefacts(Run run) {
        return List.of(run.prompts());
    }

    @Override
    public void clean(Run run) {
        Models.delete(run.prompts());
    }
}
