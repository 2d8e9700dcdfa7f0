package dev.outrider.recipes;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.Failure;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What a recipe takes from elsewhere, looked at before hours are spent: target, text, prompts. */
final class Inputs {
    private static final String ELSEWHERE = ".*[:*?{\\[].*"; // other file systems, globs: Spark's to find

    private final Recipe recipe;
    private final Problems problems = new Problems();

    private final List<String> stages;

    private Inputs(RecipeFile file, List<Stage> stages) {
        this.recipe = file.recipe();
        this.stages = stages.stream().map(Stage::name).toList();
    }

    /**
     * @param stages those that are still to be run
     * @throws Failure USAGE naming everything that is absent, DATA for a damaged target
     */
    static void check(RecipeFile file, List<Stage> stages) {
        Inputs inputs = new Inputs(file, stages);
        inputs.target();
        inputs.texts();
        inputs.problems.throwIfAny(file.file().toString());
    }

    /**
     * What a plan says of text and prompts that are not there yet.
     *
     * @throws Failure for a target that is absent or damaged: without it there are no shapes to plan with
     */
    static List<String> absent(RecipeFile file, List<Stage> stages) {
        Inputs inputs = new Inputs(file, stages);
        inputs.target();
        inputs.problems.throwIfAny(file.file().toString());
        inputs.texts();
        return inputs.problems.list();
    }

    private void target() {
        if (!stages.isEmpty()) recipe.target().checkpoint().ifPresent(this::target);
    }

    private void texts() {
        if (stages.contains("data")) text();
        if (stages.contains("prompts")) prompts();
    }

    private void target(Path path) {
        if (!Files.exists(path)) {
            absent("target.checkpoint", path, "a Hugging Face directory or a llama2.c file");
            return;
        }
        try (Checkpoint target = Checkpoint.open(path)) {
            target.requireTokenizer();
            int room = target.config().maxPositions(), length = recipe.text().length();
            if (room >= length || !stages.contains("distill")) return;
            problems.add(
                    "text.length", "" + length, "at most " + room + ", the target's positions", "Shorten the rows.");
        }
    }

    private void text() {
        if (recipe.world().isPresent() || recipe.text().written() > 0) return;
        for (Path path : recipe.text().inputs()) {
            if (!path.toString().matches(ELSEWHERE) && !Files.exists(path)) {
                absent("text.inputs", path, "a file or folder of text");
            }
        }
    }

    private void prompts() {
        List<Path> files = recipe.generate().prompts();
        if (files.isEmpty() && recipe.world().isEmpty() && recipe.generate().openings() == 0) {
            problems.add(
                    "generate.prompts",
                    "none",
                    "JSONL files of prompts, or generate.openings",
                    "Name what the target is to answer.");
        }
        for (Path path : files) if (!Files.exists(path)) absent("generate.prompts", path, "a JSONL file of prompts");
    }

    private void absent(String key, Path path, String expected) {
        String from = path.isAbsolute() ? "" : " (seen from " + Path.of("").toAbsolutePath() + ")";
        problems.add(key, "nothing at " + path + from, expected, "Correct the path: " + key + "=..");
    }
}
