package dev.outrider.recipes.stage;

import dev.outrider.data.answers.AnswerNgrams;
import dev.outrider.decode.ngram.NgramHeader;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.Stage;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * The n-gram table of the target's answers: a drafter that needs no training, and the baseline of one that does. On
 * request another of the pre-training text, which is more, but not the target's.
 */
public final class TableStage implements Stage {
    private static final int ORDER = 5, MOST = 16;

    /** The table of a run. */
    static Path table(Run run) {
        return run.tables().resolve("answers.ngram");
    }

    /** That of the text. */
    static Path textTable(Run run) {
        return run.tables().resolve("text.ngram");
    }

    @Override
    public String name() {
        return "tables";
    }

    @Override
    public List<String> needs(Recipe recipe) {
        return recipe.tables().text() ? List.of("generate", "data") : List.of("generate");
    }

    @Override
    public List<Object> settings(Recipe recipe) {
        return List.of(recipe.tables());
    }

    @Override
    public void run(Run run) {
        make(run, new AnswerNgrams.Spec(run.alignment().resolve("train"), table(run)), "answers");
        Recipe.Tables tables = run.recipe().tables();
        if (!tables.text()) return;
        Path text = run.text().resolve("train");
        make(run, new AnswerNgrams.Spec(List.of(text), textTable(run), ORDER, MOST, tables.textLeast()), "text");
    }

    private static void make(Run run, AnswerNgrams.Spec spec, String of) {
        NgramHeader made = AnswerNgrams.make(Spark.session(run), spec);
        run.out()
                .printf(
                        Locale.ROOT,
                        "n-grams up to order %d of %d tokens of %s: %d entries%n",
                        made.order(),
                        made.tokens(),
                        of,
                        made.allEntries());
    }

    @Override
    public List<Path> artefacts(Run run) {
        return List.of(run.tables());
    }

    @Override
    public void clean(Run run) {
        Models.delete(run.tables());
    }
}
