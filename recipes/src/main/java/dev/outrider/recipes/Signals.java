package dev.outrider.recipes;

import dev.outrider.checkpoints.Failure;
import dev.outrider.trainer.Interruption;
import java.io.PrintWriter;
import java.nio.file.Path;

/**
 * Ctrl-C while a recipe runs. A training comes to the end of its step, saves and says so itself; every other
 * stage is left at once, since results appear whole or not at all.
 */
final class Signals implements AutoCloseable {
    private final Path folder;
    private final String command;
    private final PrintWriter err;
    private final Interruption interruption = new Interruption(this::saving, this::leave);
    private volatile Stage stage;

    Signals(Path folder, String command, PrintWriter err) {
        this.folder = folder;
        this.command = command;
        this.err = err;
    }

    // Asked to stop while a training came to its end: the next stage is not begun.
    void enter(Stage next) {
        if (interruption.requested()) throw Failure.of(Failure.Kind.INTERRUPTED, farewell("before " + next.name()));
        stage = next;
    }

    Interruption interruption() {
        return interruption;
    }

    private boolean saving() {
        return stage != null && stage.saves();
    }

    private void leave() {
        err.println("outrider: " + farewell(stage == null ? "at the beginning" : "in " + stage.name()));
        err.flush();
    }

    private String farewell(String where) {
        return "interrupted " + where + "; what is finished is kept in " + folder
                + ". The same command goes on from there: " + command;
    }

    /** Whether the end was asked for, and explained, so that what breaks on the way out is no news. */
    boolean left() {
        return interruption.requested() && !saving();
    }

    @Override
    public void close() {
        interruption.close();
    }
}
