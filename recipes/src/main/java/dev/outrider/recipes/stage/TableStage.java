package dev.outrider.recipes.stage;

import dev.outrider.data.answers.AnswerNgrams;
import dev.outrider.decode.ngram.NgramHeader;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.Stage;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** The n-gram table of the target's answers: a drafter that needs no training, and the baseline of one that does. */
public final class TableStage implements Stage {
    /** The table of a run. */
    static Path table(Run run) {
        return run.tables().resolve("answers.ngram");
    }

    @Override
    public String name() {
        return "tables";
    }

    @Override
    public List<String> needs(Recipe recipe) {
        return List.of("generate");
    }

    @Override
    public List<Object> settings(Recipe recipe) {
        return List.of();
    }

    @Override
    public void run(Run run) {
        NgramHeader made = AnswerNgrams.make(
                Spark.session(run), new AnswerNgrams.Spec(run.alignment().resolve("train"), table(run)));
        run.out()
                .printf(
                        Locale.ROOT,
                        "n-grams up to order %d of %d tokens: %d entries%n",
                        made.order(),
                        made.tokens(),
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
