package dev.outrider.recipes;

import dev.outrider.checkpoints.Failure;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;

/**
 * A recipe as it was read.
 *
 * @param text the YAML, with the overrides as comments at its end: what provenance keeps
 */
public record RecipeFile(Path file, String text, Recipe recipe) {
    /**
     * Reads, applies {@code section.key=value} overrides, binds.
     *
     * @throws Failure USAGE with every problem and its line
     */
    public static RecipeFile read(Path file, List<String> overrides) {
        return parse(file, contents(file), overrides);
    }

    static RecipeFile parse(Path file, String text, List<String> overrides) {
        Problems problems = new Problems();
        Yaml.Mapping root = Yaml.parse(text, problems);
        for (String override : overrides) Yaml.override(root, override, problems);
        Recipe recipe = new Binder(problems).bind(Recipe.class, root, "");
        problems.throwIfAny(file.toString());
        return new RecipeFile(file, annotated(text, overrides), recipe);
    }

    private static String annotated(String text, List<String> overrides) {
        StringBuilder out = new StringBuilder(text);
        for (String override : overrides)
            out.append("# override: ").append(override).append('\n');
        return out.toString();
    }

    private static String contents(Path file) {
        try {
            return Files.readString(file);
        } catch (NoSuchFileException e) {
            throw Failure.usage(
                    file.toString(), "no such file", "a recipe", "The project's recipes are recipes/*.yaml.");
        } catch (IOException e) {
            String found = Files.isDirectory(file)
                    ? "a folder"
                    : e instanceof CharacterCodingException ? "bytes that are no UTF-8" : e.getMessage();
            throw new Failure(Failure.Kind.USAGE, file.toString(), found, "a readable recipe", "Check the path.", e);
        }
    }
}
