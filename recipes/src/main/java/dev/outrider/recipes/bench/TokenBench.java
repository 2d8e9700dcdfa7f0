package dev.outrider.recipes.bench;

import dev.outrider.checkpoints.DiskFailures;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.checkpoints.tokenizer.Tokenizers;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * How fast one thread makes tokens of a text, in pieces of whole lines of about {@link #PIECE} characters, as documents are.
 * Median of some times over the whole.
 *
 * @param model with the tokenizer
 * @param text UTF-8
 */
public record TokenBench(Path model, Path text) {
    private static final int PIECE = 4096, TIMES = 9, WARM = 5;

    /** @throws Failure where there is no tokenizer, or nothing to make tokens of */
    public void run(PrintStream out) {
        Tokenizer tokenizer = Tokenizers.open(model).orElseThrow(() -> none());
        List<String> pieces = pieces();
        long bytes = pieces.stream()
                .mapToLong(p -> p.getBytes(StandardCharsets.UTF_8).length)
                .sum();
        double[] seconds = new double[TIMES];
        long tokens = 0;
        for (int i = -WARM; i < TIMES; i++) {
            long began = System.nanoTime();
            tokens = 0;
            for (String piece : pieces) tokens += tokenizer.encode(piece, true).length;
            seconds[Math.max(0, i)] = (System.nanoTime() - began) * 1e-9;
        }
        Arrays.sort(seconds);
        out.printf(
                Locale.ROOT,
                "%s: %d bytes, %d tokens, %.1f MB/s by one thread%n",
                model,
                bytes,
                tokens,
                bytes * 1e-6 / seconds[TIMES / 2]);
    }

    private List<String> pieces() {
        List<String> pieces = new ArrayList<>();
        StringBuilder piece = new StringBuilder();
        for (String line : whole().split("(?<=\n)")) {
            piece.append(line);
            if (piece.length() < PIECE) continue;
            pieces.add(piece.toString());
            piece.setLength(0);
        }
        if (!piece.isEmpty()) pieces.add(piece.toString());
        return pieces;
    }

    private String whole() {
        try {
            return Files.readString(text);
        } catch (IOException e) {
            throw DiskFailures.reading(text, e);
        }
    }

    private Failure none() {
        return Failure.usage(
                "--tokenise " + model, "no tokenizer there", "a model with its tokenizer", "Name another.");
    }
}
