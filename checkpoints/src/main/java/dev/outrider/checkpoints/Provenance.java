package dev.outrider.checkpoints;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeMap;

/**
 * Where an artefact comes from, written beside it as provenance.json: enough to make it again.
 *
 * @param command what was typed
 * @param recipe the resolved recipe's text
 * @param recipeHash sha256 of that text
 * @param versions of Outrider, its source revision, Java and the operating system
 * @param dataHash hash of the shards learnt from; empty where there are none
 * @param parent the checkpoint that it started from or was made of; empty where there is none
 * @param created UTC, ISO 8601
 * @param machine processor, cores, memory
 */
public record Provenance(
        String command,
        String recipe,
        String recipeHash,
        Map<String, String> versions,
        long seed,
        String dataHash,
        String parent,
        String created,
        Map<String, String> machine) {
    /** Name of the file. */
    public static final String FILE = "provenance.json";

    public Provenance {
        versions = Map.copyOf(versions);
        machine = Map.copyOf(machine);
    }

    /** Fills in versions, time and machine. */
    public static Provenance now(String command, String recipe, long seed, String dataHash, String parent) {
        String created = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
        return new Provenance(
                command, recipe, Hash.of(recipe), currentVersions(), seed, dataHash, parent, created, currentMachine());
    }

    /**
     * Writes provenance.json into the folder, atomically.
     *
     * @throws Failure MACHINE or USAGE where it cannot be written
     */
    public void write(Path folder) {
        AtomicFiles.file(folder.resolve(FILE), temporary -> Json.write(temporary, this));
    }

    /**
     * Writes it beside a file that is no folder, as {@code FILE.provenance.json}.
     *
     * @throws Failure MACHINE or USAGE where it cannot be written
     */
    public void writeBeside(Path file) {
        AtomicFiles.file(beside(file), temporary -> Json.write(temporary, this));
    }

    private static Path beside(Path file) {
        return file.resolveSibling(file.getFileName() + "." + FILE);
    }

    /**
     * The folder's provenance, or that beside a file; empty where it has none.
     *
     * @throws Failure DATA where the file is damaged
     */
    public static Optional<Provenance> read(Path folder) {
        Path file = Files.isRegularFile(folder) ? beside(folder) : folder.resolve(FILE);
        if (!Files.exists(file)) return Optional.empty();
        JsonNode json = Json.read(file).node();
        try {
            return Optional.of(Json.MAPPER.treeToValue(json, Provenance.class));
        } catch (JacksonException e) {
            throw Json.malformed(file.toString(), e);
        }
    }

    private static Map<String, String> currentVersions() {
        Map<String, String> versions = new TreeMap<>();
        versions.put("outrider", version());
        versions.put("java", Runtime.version().toString());
        versions.put("os", System.getProperty("os.name") + " " + System.getProperty("os.version"));
        String home = System.getProperty("outrider.home", System.getProperty("outrider.root", "."));
        GitRevision.of(Path.of(home)).ifPresent(r -> versions.put("revision", r));
        return versions;
    }

    private static String version() {
        Properties properties = new Properties();
        try (InputStream in = Provenance.class.getResourceAsStream("version.properties")) {
            if (in != null) properties.load(in);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        return properties.getProperty("version", "unknown");
    }

    private static Map<String, String> currentMachine() {
        var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return Map.of(
                "arch", System.getProperty("os.arch"),
                "processor", processor(),
                "processors", Integer.toString(Runtime.getRuntime().availableProcessors()),
                "memory", (system.getTotalMemorySize() >> 20) + " MiB");
    }

    private static String processor() {
        Path info = Path.of("/proc/cpuinfo");
        if (!Files.isReadable(info)) return "unknown";
        try (var lines = Files.lines(info)) {
            return lines.filter(l -> l.startsWith("model name"))
                    .map(l -> l.substring(l.indexOf(':') + 1).trim())
                    .findFirst()
                    .orElse("unknown");
        } catch (IOException e) {
            return "unknown";
        }
    }
}
