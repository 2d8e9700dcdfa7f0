package dev.outrider.recipes;

import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.DiskFailures;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Provenance;
import dev.outrider.data.shard.ShardManifest;
import dev.outrider.trainer.Interruption;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * A recipe being run: where everything lies and what is already done. A stage leaves a mark with a
 * fingerprint of the settings it depends on; a later run of the same recipe leaves finished stages alone
 * and does one again when its settings, or those of a stage that it needs, have changed.
 *
 * @param command as typed, for provenance
 * @param signals hears Ctrl-C until this is closed
 */
public record Run(RecipeFile file, Path folder, String command, PrintStream out, Signals signals)
        implements AutoCloseable {
    private static final String RECIPE = "recipe.yaml";

    /**
     * Opens (and creates) the run's folder.
     *
     * @param err hears of an interruption
     * @throws Failure USAGE if it cannot be written
     */
    public static Run open(RecipeFile file, String command, PrintStream out, PrintWriter err) {
        Path folder = file.recipe().run();
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw DiskFailures.writing(folder, e);
        }
        return new Run(file, folder, command, out, new Signals(folder, command, err));
    }

    /**
     * Keeps the recipe in the folder.
     *
     * @param changed stages whose results here were made with other settings
     * @throws Failure USAGE if there are some and they are another recipe's
     */
    void claim(List<String> changed) {
        Path kept = folder.resolve(RECIPE);
        Optional<String> owner = owner(kept);
        if (!changed.isEmpty() && owner.isPresent() && !owner.get().equals(recipe().name())) {
            throw Failure.usage(
                    folder.toString(),
                    "a run of recipe '" + owner.get() + "', made with other settings (" + String.join(", ", changed)
                            + ")",
                    "a folder of its own for '" + recipe().name() + "'",
                    "Choose another folder: run=FOLDER.");
        }
        AtomicFiles.file(kept, t -> Files.writeString(t, file.text()));
    }

    private static Optional<String> owner(Path kept) {
        try {
            Yaml name =
                    Yaml.parse(Files.readString(kept), new Problems()).entries().get("name");
            return name instanceof Yaml.Scalar s ? Optional.of(s.text()) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    void enter(Stage stage) {
        signals.enter(stage);
    }

    /** Whether somebody pressed Ctrl-C. */
    public Interruption interruption() {
        return signals.interruption();
    }

    /** Whether Ctrl-C has ended this run already, so that what breaks on the way out is no news. */
    public boolean left() {
        return signals.left();
    }

    @Override
    public void close() {
        signals.close();
    }

    public Recipe recipe() {
        return file.recipe();
    }

    public Path corpus() {
        return folder.resolve("corpus");
    }

    public Path tokenizer() {
        return folder.resolve("tokenizer");
    }

    /** Prompts to answer, and those held out. */
    public Path prompts() {
        return folder.resolve("prompts");
    }

    /** Shards of pre-training text: train and valid. */
    public Path text() {
        return folder.resolve("text");
    }

    /** The tower, where the recipe trains one. */
    public Path tower() {
        return folder.resolve("tower");
    }

    /** Pictures made ready for the tower, or what it made of them. */
    public Path pictures() {
        return folder.resolve("pictures");
    }

    /** Shards of dialogues about pictures for the target's training: train and valid. */
    public Path seen() {
        return folder.resolve("seen");
    }

    /** The run that trains the target, where the recipe does not name one. */
    public Path targetRun() {
        return folder.resolve("target");
    }

    public Path answers() {
        return folder.resolve("answers");
    }

    /** Shards of the target's answers: train and valid. */
    public Path alignment() {
        return folder.resolve("alignment");
    }

    public Path pretrainRun() {
        return folder.resolve("pretrain");
    }

    /** The training run of an alignment. */
    public Path alignmentRun(Recipe.Distill alignment) {
        return folder.resolve(recipe().place(alignment));
    }

    /** What the drafters without a network know: n-gram tables, and how far each drafter is to be trusted. */
    public Path tables() {
        return folder.resolve("tables");
    }

    public Path calibration() {
        return folder.resolve("calibration.json");
    }

    public Path exported() {
        return folder.resolve("export");
    }

    public Path evaluation() {
        return folder.resolve("evaluation.json");
    }

    public Path report() {
        return folder.resolve("report.html");
    }

    public Provenance provenance(String dataHash, String parent) {
        return Provenance.now(command, file.text(), recipe().seed(), dataHash, parent);
    }

    /** Writes where a folder comes from into it, with the hash of the shards that it holds, if any. */
    void signed(Path made) {
        if (!Files.isDirectory(made)) return;
        Path shards = made.resolve("train");
        String data = Files.exists(shards.resolve(ShardManifest.NAME))
                ? ShardManifest.read(shards).hash()
                : "";
        String target = recipe().target().given().map(Path::toString).orElse("");
        provenance(data, target).write(made);
    }

    private Path mark(Stage stage) {
        return folder.resolve("done").resolve(stage.name());
    }

    boolean done(Stage stage, String fingerprint) {
        try {
            return Files.exists(mark(stage)) && Files.readString(mark(stage)).equals(fingerprint);
        } catch (IOException e) {
            return false;
        }
    }

    void markDone(Stage stage, String fingerprint) {
        AtomicFiles.file(mark(stage), t -> Files.writeString(t, fingerprint));
    }

    /** Whether the stage was begun with other settings than these: then what it left cannot be gone on with. */
    boolean begunOtherwise(Stage stage, String fingerprint) {
        Path begun = folder.resolve("done").resolve(stage.name() + ".begun");
        try {
            return Files.exists(begun) && !Files.readString(begun).equals(fingerprint);
        } catch (IOException e) {
            return true;
        }
    }

    /** A stage that is begun anew is not done, whatever it was before. */
    void forget(Stage stage) throws IOException {
        Files.deleteIfExists(mark(stage));
    }

    void markBegun(Stage stage, String fingerprint) {
        AtomicFiles.file(
                folder.resolve("done").resolve(stage.name() + ".begun"), t -> Files.writeString(t, fingerprint));
    }

    /** sha256 over everything that the stages up to this one depend on. */
    static String fingerprint(List<Object> settings) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256")
                    .digest(settings.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
