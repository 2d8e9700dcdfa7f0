package dev.outrider.recipes;

import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Provenance;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/**
 * A recipe being run: where everything lies and what is already done. A stage leaves a mark with a
 * fingerprint of the settings it depends on; a later run of the same recipe leaves finished stages alone
 * and does one again when its settings, or those of a stage before it, have changed.
 *
 * @param command as typed, for provenance
 */
public record Run(RecipeFile file, Path folder, String command, PrintStream out) {
    /** Opens (and creates) the run's folder and keeps the recipe in it. */
    public static Run open(RecipeFile file, String command, PrintStream out) {
        Path folder = file.recipe().run();
        Run run = new Run(file, folder, command, out);
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new Failure(
                    Failure.Kind.USAGE,
                    folder.toString(),
                    e.toString(),
                    "a folder that can be written",
                    "Choose another one: run=FOLDER.",
                    e);
        }
        AtomicFiles.file(folder.resolve("recipe.yaml"), t -> Files.writeString(t, file.text()));
        return run;
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

    /** Shards of pre-training text: train and valid. */
    public Path text() {
        return folder.resolve("text");
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

    public Path distillRun() {
        return folder.resolve("distill");
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
