package dev.outrider.decode.device.cuda;

import java.io.File;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Where CUDA's libraries may lie, in the order in which they are looked for: what the user names (property outrider.cuda or
 * variable OUTRIDER_CUDA: folders), CUDA_HOME and CUDA_PATH; then, after the system's loader, NVIDIA's usual
 * folders, those of pip, and bytedeco's jars on the class path.
 *
 * @param named the property's folders, or the variable's
 * @param root of the file system, / but in tests
 * @param machine as java names it: amd64, aarch64
 * @param classPath jars and folders
 * @param cache for what is taken out of jars
 */
record LibraryPlaces(
        Map<String, String> environment,
        String named,
        Path root,
        Path home,
        String machine,
        List<Path> classPath,
        Path cache) {

    static LibraryPlaces ofThisMachine() {
        Map<String, String> environment = System.getenv();
        String home = System.getProperty("user.home");
        return new LibraryPlaces(
                environment,
                System.getProperty("outrider.cuda", environment.getOrDefault("OUTRIDER_CUDA", "")),
                Path.of("/"),
                Path.of(home),
                System.getProperty("os.arch"),
                split(System.getProperty("java.class.path")).map(Path::of).toList(),
                CacheFolder.of(environment, home).resolve("libraries"));
    }

    private static Stream<String> split(String paths) {
        return Stream.of(paths.split(Pattern.quote(File.pathSeparator))).filter(p -> !p.isBlank());
    }

    /** Before the loader is asked. */
    List<Path> namedFolders() {
        Set<Path> all = new LinkedHashSet<>();
        split(named).map(Path::of).forEach(all::add);
        for (String variable : List.of("CUDA_HOME", "CUDA_PATH")) {
            String folder = environment.getOrDefault(variable, "");
            if (!folder.isBlank()) all.addAll(toolkit(Path.of(folder)));
        }
        return List.copyOf(all);
    }

    /** After it. */
    List<Path> usualFolders() {
        Set<Path> all = new LinkedHashSet<>();
        all.add(root.resolve("usr/lib/wsl/lib"));
        for (Path toolkit : matching(root.resolve("usr/local"), "cuda*")) all.addAll(toolkit(toolkit));
        for (Path site : sitePackages()) all.addAll(matching(site.resolve("nvidia"), "*", "lib"));
        return List.copyOf(all);
    }

    private static List<Path> toolkit(Path folder) {
        List<Path> all = new ArrayList<>(List.of(folder.resolve("lib64"), folder.resolve("lib")));
        all.addAll(matching(folder.resolve("targets"), "*", "lib"));
        return all;
    }

    private List<Path> sitePackages() {
        List<Path> all = new ArrayList<>();
        for (String variable : List.of("VIRTUAL_ENV", "CONDA_PREFIX")) {
            String environmentFolder = environment.getOrDefault(variable, "");
            if (!environmentFolder.isBlank()) all.addAll(ofPython(Path.of(environmentFolder, "lib")));
        }
        all.addAll(ofPython(home.resolve(".local/lib")));
        all.addAll(ofPython(root.resolve("usr/local/lib")));
        all.addAll(ofPython(root.resolve("usr/lib")));
        return all;
    }

    private static List<Path> ofPython(Path lib) {
        List<Path> all = new ArrayList<>(matching(lib, "python3*", "site-packages"));
        all.addAll(matching(lib, "python3*", "dist-packages"));
        return all;
    }

    /** Jars and folders of the class path that may hold bytedeco's CUDA libraries. */
    List<Path> bytedeco() {
        return classPath.stream()
                .filter(p -> Files.isDirectory(p)
                        || p.getFileName() != null
                                && p.getFileName()
                                        .toString()
                                        .toLowerCase(Locale.ROOT)
                                        .matches("cuda-.*\\.jar"))
                .toList();
    }

    /** Bytedeco's folder for this machine, within a jar. */
    String bytedecoFolder() {
        return "org/bytedeco/cuda/" + (machine.equals("aarch64") ? "linux-arm64" : "linux-x86_64");
    }

    /** folder/pattern, or folder/pattern/below, as far as they are there; newest version first. */
    private static List<Path> matching(Path folder, String pattern, String... below) {
        PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + pattern);
        try (Stream<Path> all = Files.list(folder)) {
            return all.filter(p -> matcher.matches(p.getFileName()))
                    .map(p -> Stream.of(below).reduce(p, Path::resolve, (a, b) -> b))
                    .filter(Files::isDirectory)
                    .sorted(LibraryPlaces::newestFirst)
                    .toList();
        } catch (IOException e) {
            return List.of();
        }
    }

    // Numbers within a name are compared as numbers: cuda-12.10 is newer than cuda-12.9.
    private static int newestFirst(Path a, Path b) {
        return padded(b).compareTo(padded(a));
    }

    private static String padded(Path path) {
        return Pattern.compile("\\d+")
                .matcher(path.toString())
                .replaceAll(m -> "0".repeat(Math.max(0, 9 - m.group().length())) + m.group());
    }
}
