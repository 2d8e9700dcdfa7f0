package dev.outrider.checkpoints;

import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Where vectors by other software and real data lie: the folders named by OUTRIDER_GOLDENS and
 * OUTRIDER_ASSETS, by default beside the checkout. Tests that need an absent fixture are skipped and say so; in a
 * fixture that is present, an absent file is an error.
 */
public final class Shared {
    private static final Set<String> SAID = ConcurrentHashMap.newKeySet();

    private Shared() {}

    /** A path in the goldens folder. */
    public static Path golden(String relative) {
        return existing("OUTRIDER_GOLDENS", "goldens", relative);
    }

    /** A path in the assets folder. */
    public static Path asset(String relative) {
        return existing("OUTRIDER_ASSETS", "assets", relative);
    }

    /** SmolLM2-135M-Instruct as the assets' fetch puts it: in the cache folder, or where OUTRIDER_SMOLLM2 says. */
    public static Path smolLm2() {
        String cache = System.getenv().getOrDefault("XDG_CACHE_HOME", System.getProperty("user.home") + "/.cache");
        String named = System.getenv("OUTRIDER_SMOLLM2");
        Path file = named != null
                ? Path.of(named)
                : Path.of(cache, "outrider", "smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf");
        return Files.exists(file) ? file : absent(file, "OUTRIDER_SMOLLM2");
    }

    /** The folders right below a golden folder, sorted: the cases of a fixture. */
    public static List<Path> cases(String fixture) {
        return list(golden(fixture), true);
    }

    /** The files right below a golden folder that end so, sorted. */
    public static List<Path> files(String fixture, String ending) {
        return list(golden(fixture), false).stream()
                .filter(p -> p.getFileName().toString().endsWith(ending))
                .toList();
    }

    private static List<Path> list(Path folder, boolean folders) {
        try (var paths = Files.list(folder)) {
            return paths.filter(p -> Files.isDirectory(p) == folders).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Path existing(String variable, String folder, String relative) {
        String named = System.getenv(variable);
        Path base = named != null
                ? Path.of(named)
                : Path.of(System.getProperty("outrider.root", "."), "..", "shared", folder);
        Path path = root().resolve(base).resolve(relative).normalize();
        Path fixture =
                root().resolve(base).resolve(Path.of(relative).getName(0)).normalize();
        return Files.exists(fixture) ? path : absent(fixture, variable);
    }

    private static Path absent(Path fixture, String variable) {
        String why = "skipped: " + fixture + " is absent; set " + variable;
        if (SAID.add(why)) System.out.println(why);
        return abort(why);
    }

    private static Path root() {
        return Path.of(System.getProperty("outrider.root", ".")).toAbsolutePath();
    }
}
