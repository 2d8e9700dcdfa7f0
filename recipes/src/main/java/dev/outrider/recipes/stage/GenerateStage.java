package dev.outrider.recipes.stage;

import dev.outrider.data.answers.AnswerShards;
import dev.outrider.data.answers.Prompts;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Recipe.Generate;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.Stage;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/** The target's own answers to the prompts, and the shards that the draft is aligned on. */
public final class GenerateStage implements Stage {
    private static final int ROWS_PER_SHARD = 16384;
    private static final double VALIDATION = 0.05;

    @Override
    public String name() {
        return "generate";
    }

    @Override
    public List<String> needs(Recipe recipe) {
        return List.of("prompts");
    }

    @Override
    public List<Object> settings(Recipe recipe) {
        Generate g = recipe.generate();
        return List.of(
                g.most(),
                g.temperatures(),
                g.topP(),
                g.maxTokens(),
                g.samples(),
                g.topK(),
                recipe.text().length());
    }

    @Override
    public void run(Run run) {
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
