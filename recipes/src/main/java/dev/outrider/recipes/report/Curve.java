package dev.outrider.recipes.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A line of a chart: y over x. */
record Curve(String name, List<double[]> points) {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** The values of one metric in a run's metrics.jsonl, over its steps; empty if there are none. */
    static Curve of(String name, Path metrics, String key) {
        List<double[]> points = new ArrayList<>();
        if (!Files.exists(metrics)) return new Curve(name, points);
        try {
            for (String line : Files.readAllLines(metrics)) {
                JsonNode node = JSON.readTree(line);
                if (node.has(key))
                    points.add(new double[] {
                        node.path("step").asDouble(), node.path(key).asDouble()
                    });
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new Curve(name, points);
    }

    /** The same curve, each point the mean of its neighbourhood, so that noise does not hide the course. */
    Curve smooth() {
        int half = points.size() / 60;
        List<double[]> out = new ArrayList<>();
        for (int i = 0; i < points.size(); i++) {
            int from = Math.max(0, i - half), to = Math.min(points.size() - 1, i + half);
            double sum = 0;
            for (int j = from; j <= to; j++) sum += points.get(j)[1];
            out.add(new double[] {points.get(i)[0], sum / (to - from + 1)});
        }
        return new Curve(name, out);
    }
}
