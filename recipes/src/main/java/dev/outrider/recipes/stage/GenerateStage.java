package dev.outrider.recipes.stage;

import dev.outrider.data.answers.AnswerShards;
import dev.outrider.data.answers.Prompts;
import dev.outrider.data.answers.RecordedShards;
import dev.outrider.data.conversation.ConversationFiles;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Recipe.Generate;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.Stage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * The target's own answers to the prompts, or those that were recorded, and the shards that the draft is aligned on. Of
 * recorded ones a part is held out to be replayed: {@code alignment/test}.
 */
public final class GenerateStage implements Stage {
    private static final int ROWS_PER_SHARD = 16384;
    private static final double VALIDATION = 0.05;

    @Override
    public String name() {
        return "generate";
    }

    @Override
    public List<String> needs(Recipe recipe) {
        if (!recipe.generate().recorded().isEmpty()) return List.of();
        return recipe.looks() ? List.of("pictures", "prompts") : List.of("prompts");
    }

    @Override
    public List<Object> settings(Recipe recipe) {
        Generate g = recipe.generate();
        if (!g.recorded().isEmpty()) return heldOut(recipe);
        List<Object> settings = new ArrayList<>(List.of(
                g.most(),
                g.temperatures(),
                g.topP(),
                g.maxTokens(),
                g.samples(),
                g.topK(),
                recipe.text().length()));
        settings.addAll(Models.heldTarget(recipe));
        return settings;
    }

    /** All that decides which recorded answers are held out, and what they are as tokens. */
    static List<Object> heldOut(Recipe recipe) {
        Generate g = recipe.generate();
        if (g.recorded().isEmpty()) return List.of();
        return List.of(
                g.recorded(),
                g.evaluation(),
                recipe.target().given(),
                recipe.target().template(),
                recipe.text().length());
    }

    /** What recorded answers are held out about; nothing where there are none. */
    static Set<String> subjectsHeldOut(Run run) {
        return run.recipe().generate().recorded().isEmpty()
                ? Set.of()
                : recorded(run).heldOut().all();
    }

    @Override
    public void run(Run run) {
        if (run.recipe().generate().recorded().isEmpty()) answer(run);
        else record(run);
    }

    private static RecordedShards.Spec recorded(Run run) {
        Recipe recipe = run.recipe();
        return new RecordedShards.Spec(
                ConversationFiles.of(recipe.generate().recorded().toArray(Path[]::new)),
                Models.spoken(run),
                recipe.target().chatTemplate(),
                run.alignment(),
                recipe.text().length(),
                VALIDATION,
                recipe.generate().evaluation(),
                ROWS_PER_SHARD,
                recipe.seed());
    }

    private static void record(Run run) {
        var report = RecordedShards.write(Spark.session(run), recorded(run));
        run.out().println("recorded answers: " + report.counts());
        DataStage.rows(
                run,
                report.train().rows(),
                report.train().tokens(),
                report.train().sequenceLength());
    }

    private static void answer(Run run) {
        Generate g = run.recipe().generate();
        Spark.write(
                run,
                "answers",
                new Spark.Wanted(
                        Prompts.first(g.most(), new Prompts.Jsonl(List.of(Corpus.prompts(run)))),
                        run.answers(),
                        g.temperatures(),
                        g.topP(),
                        g.samples(),
                        g.maxTokens(),
                        g.topK()));
        Models.delete(run.alignment());
        var report = AnswerShards.write(
                Spark.session(run),
                new AnswerShards.Spec(
                        run.answers(),
                        run.alignment(),
                        run.recipe().text().length(),
                        Set.of(),
                        VALIDATION,
                        ROWS_PER_SHARD,
                        run.recipe().seed()));
        run.out().println("answers: " + report.counts());
        DataStage.rows(
                run,
                report.train().rows(),
                report.train().tokens(),
                report.train().sequenceLength());
    }

    @Override
    public List<Path> artefacts(Run run) {
        return List.of(run.answers(), run.alignment());
    }

    @Override
    public void clean(Run run) {
        // Answers of another job are set aside, but only by who knows whether they are: more prompts are no other job.
        Models.delete(run.alignment());
    }
}
