package dev.outrider.recipes;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The README names what there is, and nothing that there is not. */
class ReadmeTest {
    private static final Path ROOT = Path.of(System.getProperty("outrider.root", ".."));
    private static final Path SOURCES = Path.of("src", "main", "java");
    /** Names in the tree that are other people's. */
    private static final Set<String> OTHERS = Set.of("ComputationGraph", "MinHash", "OpenBLAS", "PyTorch", "ScienceQA");

    private final String readme = Files.readString(ROOT.resolve("README.md"));

    ReadmeTest() throws IOException {}

    @Test
    void packages() throws IOException {
        assertThat(found("dev\\.outrider(\\.\\w+)+", readme)).isEqualTo(packagesOfAllModules());
    }

    @Test
    void classes() throws IOException {
        Set<String> classes = sources()
                .map(p -> p.getFileName().toString().replace(".java", ""))
                .collect(Collectors.toSet());
        Set<String> named = found("\\b[A-Z][a-z]+[A-Z]\\w+", tree());
        named.removeAll(OTHERS);
        assertThat(named).hasSizeGreaterThan(40);
        assertThat(classes).containsAll(named);
    }

    @Test
    void recipesAndBenchmarks() throws IOException {
        assertThat(readme).contains(namesIn("recipes", ".yaml"));
        assertThat(tree()).contains(namesIn("bench", ""));
    }

    @Test
    void verbs() {
        List<String> verbs = Outrider.command().getSubcommands().entrySet().stream()
                .filter(e -> !e.getValue().getCommandSpec().usageMessage().hidden())
                .map(e -> e.getKey())
                .toList();
        assertThat(found("(?m)^\\| `[a-z]+(?=[ `])", readme))
                .isEqualTo(verbs.stream().map(v -> "| `" + v).collect(Collectors.toSet()));
    }

    private String tree() {
        return readme.substring(readme.indexOf("## The tree"), readme.indexOf("## Not supported yet"));
    }

    private static Set<String> found(String pattern, String text) {
        return Pattern.compile(pattern)
                .matcher(text)
                .results()
                .map(r -> r.group())
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static Set<String> packagesOfAllModules() throws IOException {
        return sources()
                .map(p -> p.getParent().toString().replaceFirst(".*src.main.java.", ""))
                .map(p -> p.replaceAll("[/\\\\]", "."))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static Stream<Path> sources() throws IOException {
        Stream.Builder<Path> all = Stream.builder();
        for (Path module : children(ROOT)) {
            if (!Files.isDirectory(module.resolve(SOURCES))) continue;
            try (Stream<Path> files = Files.walk(module.resolve(SOURCES))) {
                files.filter(p -> p.toString().endsWith(".java")).forEach(all);
            }
        }
        return all.build();
    }

    private static List<String> namesIn(String folder, String ending) throws IOException {
        List<String> names = children(ROOT.resolve(folder)).stream()
                .map(p -> p.getFileName().toString())
                .filter(n -> n.endsWith(ending) && !n.startsWith("."))
                .toList();
        assertThat(names).isNotEmpty();
        return names;
    }

    private static List<Path> children(Path folder) throws IOException {
        try (Stream<Path> paths = Files.list(folder)) {
            return paths.sorted().toList();
        }
    }
}
