package dev.outrider.recipes.verb;

import picocli.CommandLine.Command;

@Command(
        name = "evaluate",
        mixinStandardHelpOptions = true,
        description = "Measures block efficiency, MBSU and token rate on held-out prompts.",
        footer = {"", "Example:  ./outrider evaluate recipes/quickstart.yaml evaluate.gammas=[3,5]"})
public final class EvaluateVerb extends RecipeVerb.Named {
    @Override
    String stage() {
        return "evaluate";
    }
}
