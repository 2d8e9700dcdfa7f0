package dev.outrider.trainer.telemetry;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.DiskFailures;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * {@code metrics.jsonl}: one line per record, {@code {"step":..,"time":..,"train/loss":..}}. On resume,
 * lines of steps after the one resumed from are dropped, so that a curve never runs twice.
 */
public final class MetricsLog implements Metrics {
    private static final ObjectMapper JSON = new ObjectMapper();
    private final Path file;
    private final BufferedWriter out;

    /** @param resumedStep records of later steps are from a run that was cut off, and go */
    public MetricsLog(Path file, long resumedStep) {
        this.file = file;
        try {
            List<String> kept = Files.exists(file) ? upTo(file, resumedStep) : List.of();
            Files.createDirectories(file.toAbsolutePath().getParent());
            AtomicFiles.file(file, t -> Files.write(t, kept));
            out = Files.newBufferedWriter(file, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw DiskFailures.writing(file, e);
        }
    }

    private static List<String> upTo(Path file, long step) throws IOException {
        List<String> kept = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            if (whole(line) && JSON.readTree(line).path("step").asLong() <= step) kept.add(line);
        }
        return kept;
    }

    // A kill can cut the last line.
    private static boolean whole(String line) {
        return line.startsWith("{") && line.endsWith("}");
    }

    @Override
    public void record(long step, Map<String, Double> values) {
        ObjectNode node = JSON.createObjectNode()
                .put("step", step)
                .put("time", Instant.now().toString());
        values.forEach(node::put);
        try {
            out.write(node.toString());
            out.newLine();
            out.flush();
        } catch (IOException e) {
            throw DiskFailures.writing(file, e);
        }
    }

    @Override
    public void close() {
        try {
            out.close();
        } catch (IOException e) {
            throw DiskFailures.writing(file, e);
        }
    }
}
