package dev.outrider.trainer.telemetry;

import java.io.PrintStream;
import java.util.Locale;

/**
 * One line that says how far a long job is: bar, share, rate, time left, and what the caller adds. On a
 * terminal the line is redrawn; elsewhere a line is printed every {@link #QUIET_SECONDS}.
 */
public final class Progress implements AutoCloseable {
    private static final int WIDTH = 24;
    private static final double QUIET_SECONDS = 20, REDRAW_SECONDS = 0.2;

    private final PrintStream out;
    private final boolean terminal;
    private final String what;
    private final String unit;
    private final long total;
    private final long first;
    private final long began = System.nanoTime();
    private double unitsPerTick = 1;
    private long drawn;
    private int width;

    /**
     * @param total ticks of the whole job
     * @param first ticks already done by an earlier run; they do not count for the rate
     * @param unit what the rate counts, such as "tok"
     */
    public Progress(PrintStream out, String what, long first, long total, String unit) {
        this.out = out;
        this.terminal = System.console() != null && System.console().isTerminal();
        this.what = what;
        this.first = first;
        this.total = total;
        this.unit = unit;
    }

    /** Shows that {@code done} of total ticks are done, {@code units} in this run. */
    public void update(long done, double units, String note) {
        unitsPerTick = units / Math.max(1, done - first);
        double since = (System.nanoTime() - drawn) / 1e9;
        if (done < total && drawn != 0 && since < (terminal ? REDRAW_SECONDS : QUIET_SECONDS)) return;
        drawn = System.nanoTime();
        show(line(done, note));
    }

    /** Prints a message above the bar. */
    public void say(String message) {
        if (terminal && width > 0) out.print("\r" + " ".repeat(width) + "\r");
        width = 0;
        out.println(message);
    }

    private String line(long done, String note) {
        double seconds = (System.nanoTime() - began) / 1e9;
        double ticksPerSecond = (done - first) / Math.max(seconds, 1e-9);
        int full = (int) (WIDTH * done / Math.max(1, total));
        return String.format(
                Locale.ROOT,
                "%s %s%s %3d%% %d/%d  %s %s/s  ETA %s  %s",
                what,
                "█".repeat(full),
                "░".repeat(WIDTH - full),
                100 * done / Math.max(1, total),
                done,
                total,
                compact(ticksPerSecond * unitsPerTick),
                unit,
                ticksPerSecond > 0 ? duration((total - done) / ticksPerSecond) : "?",
                note);
    }

    private void show(String line) {
        if (!terminal) {
            out.println(line);
            return;
        }
        out.print("\r" + line + " ".repeat(Math.max(0, width - line.length())));
        out.flush();
        width = line.length();
    }

    static String compact(double value) {
        return value >= 1e6
                ? String.format(Locale.ROOT, "%.1fM", value / 1e6)
                : value >= 1e4
                        ? String.format(Locale.ROOT, "%.1fk", value / 1e3)
                        : String.format(Locale.ROOT, value < 10 ? "%.1f" : "%.0f", value);
    }

    /** Seconds as 12s, 3m05s, 2h10m. */
    public static String duration(double seconds) {
        long s = Math.round(seconds);
        if (s < 60) return s + "s";
        if (s < 3600) return String.format(Locale.ROOT, "%dm%02ds", s / 60, s % 60);
        return String.format(Locale.ROOT, "%dh%02dm", s / 3600, s / 60 % 60);
    }

    @Override
    public void close() {
        if (terminal && width > 0) out.println();
        width = 0;
    }
}
