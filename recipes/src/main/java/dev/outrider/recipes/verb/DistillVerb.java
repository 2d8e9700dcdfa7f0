package dev.outrider.recipes.verb;

import picocli.CommandLine.Command;

@Command(
        name = "distill",
        mixinStandardHelpOptions = true,
        description = "Aligns the draft to the target on the target's answers.",
        footer = {"", "Example:  ./outrider distill recipes/chat-115m.yaml distill.loss=tvd++"})
public final class DistillVerb extends RecipeVerb.Named {
    @Override
    String stage() {
        return "distill";
    }
}
