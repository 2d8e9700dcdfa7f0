package dev.outrider.recipes.verb;

import picocli.CommandLine.Command;

@Command(
        name = "export",
        mixinStandardHelpOptions = true,
        description = "Writes target and drafts as Hugging Face directories, drafts as GGUF as well (export.gguf).",
        footer = {"", "Example:  ./outrider export recipes/quickstart.yaml export.dtype=f16"})
public final class ExportVerb extends RecipeVerb.Named {
    @Override
    String stage() {
        return "export";
    }
}
