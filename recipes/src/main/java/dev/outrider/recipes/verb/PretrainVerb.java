package dev.outrider.recipes.verb;

import picocli.CommandLine.Command;

@Command(
        name = "pretrain",
        mixinStandardHelpOptions = true,
        description = "Pre-trains the draft on the recipe's text, with whatever comes before.",
        footer = {"", "Example:  ./outrider pretrain recipes/base-115m.yaml pretrain.steps=1000"})
public final class PretrainVerb extends RecipeVerb.Named {
    @Override
    String stage() {
        return "pretrain";
    }
}
