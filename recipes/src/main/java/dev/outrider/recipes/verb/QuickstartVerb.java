package dev.outrider.recipes.verb;

import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(
        name = "quickstart",
        mixinStandardHelpOptions = true,
        description = "From nothing to a measured speed-up: makes a corpus, trains a target and a draft for it,"
                + " aligns the draft, evaluates, writes a report. A few minutes on two cores.",
        footer = {"", "Example:  ./outrider quickstart"})
public final class QuickstartVerb extends RecipeVerb {
    @Parameters(paramLabel = "section.key=value", description = "Overrides of keys of recipes/quickstart.yaml.")
    List<String> overrides = List.of();

    @Override
    Path recipe() {
        return Path.of(System.getProperty("outrider.home", "."), "recipes", "quickstart.yaml");
    }

    @Override
    List<String> overrides() {
        return overrides;
    }

    @Override
    String stage() {
        return "report";
    }
}
