package dev.outrider.recipes.verb;

import dev.outrider.checkpoints.Failure;
import dev.outrider.recipes.Outrider;
import dev.outrider.recipes.Plan;
import dev.outrider.recipes.RecipeFile;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.Stages;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** What the verbs that take a recipe share: overrides, the plan, and running the stages up to theirs. */
abstract class RecipeVerb implements Callable<Integer> {
    @Spec
    CommandSpec spec;

    @Option(names = "--plan", description = "Resolve, check, print shapes and estimates, stop.")
    boolean plan;

    /** The recipe's file. */
    abstract Path recipe();

    abstract List<String> overrides();

    /** The last stage to run. */
    abstract String stage();

    @Override
    public Integer call() throws Exception {
        RecipeFile file = RecipeFile.read(recipe(), overrides());
        if (plan) {
            System.out.print(Plan.of(file));
            Stages.absent(stage(), file).forEach(line -> System.out.println("not there yet: " + line));
            return 0;
        }
        String command = "outrider "
                + String.join(" ", spec.root().commandLine().getParseResult().originalArgs());
        PrintWriter err = spec.root().commandLine().getErr();
        try (Run run = Run.open(file, command, System.out, err)) {
            return carryOut(run, err);
        }
    }

    // What went wrong is said before the run is closed: an interrupted process ends then.
    private int carryOut(Run run, PrintWriter err) {
        try {
            Stages.upTo(stage(), run);
            return 0;
        } catch (Throwable t) {
            return run.left() ? Failure.Kind.INTERRUPTED.exitCode : Outrider.explain(t, err);
        }
    }

    /** One with the recipe as an argument. */
    abstract static class Named extends RecipeVerb {
        // Not required for picocli, which would ask for it before a subcommand as well.
        @Parameters(
                index = "0",
                arity = "0..1",
                paramLabel = "RECIPE",
                description = "A recipe, such as recipes/quickstart.yaml.")
        Path recipe;

        @Parameters(index = "1..*", paramLabel = "section.key=value", description = "Overrides of the recipe's keys.")
        List<String> overrides = List.of();

        @Override
        Path recipe() {
            if (recipe != null) return recipe;
            throw new ParameterException(spec.commandLine(), "Missing required parameter: 'RECIPE'");
        }

        @Override
        List<String> overrides() {
            return overrides;
        }
    }
}
