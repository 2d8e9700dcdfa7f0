package dev.outrider.recipes.verb;

import picocli.CommandLine.Command;

@Command(
        name = "run",
        mixinStandardHelpOptions = true,
        description = "Runs a recipe from its text to its report; goes on where an earlier run ended.",
        footer = {"", "Example:  ./outrider run recipes/stories260k.yaml distill.loss=kl"})
public final class RunVerb extends RecipeVerb.Named {
    @Override
    String stage() {
        return "report";
    }
}
