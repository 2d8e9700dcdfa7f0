package dev.outrider.recipes.verb;

import picocli.CommandLine.Command;

@Command(
        name = "generate",
        mixinStandardHelpOptions = true,
        description = "Lets the target write its own answers to the recipe's prompts.",
        footer = {"", "Example:  ./outrider generate recipes/chat-115m.yaml generate.temperatures=[0,0.7]"})
public final class GenerateVerb extends RecipeVerb.Named {
    @Override
    String stage() {
        return "generate";
    }
}
