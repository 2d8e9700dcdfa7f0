package dev.outrider.recipes.parity;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.LlamaWeights;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/** A model asked for what a parity pack holds: logits behind a prompt, and greedy answers. */
final class Probe implements AutoCloseable {
    static final String ROUNDING = "logits by token id, absent and padded rows left out, to 0.1, as \"id:value \"";
    /** Below it a row is one that the model cannot say. */
    private static final float NEVER = -1e5f;

    private final Checkpoint checkpoint;
    private final LlamaWeights weights;
    private final Llama model;
    private final float[] row;

    Probe(Path path, Device device, int capacity) {
        checkpoint = Checkpoint.open(path);
        weights = LlamaWeights.load(device, checkpoint);
        model = new Llama(
                device, weights, Math.min(capacity, checkpoint.config().maxPositions()));
        row = new float[model.config().outputSize()];
    }

    Checkpoint checkpoint() {
        return checkpoint;
    }

    /** [V] by the target's ids; minus infinity where the model has no token. */
    float[] logits(int[] prompt) {
        model.truncate(0);
        model.read(prompt, 0, prompt.length, 1);
        model.logits(0, row);
        float[] all = new float[model.config().vocabSize()];
        Arrays.fill(all, Float.NEGATIVE_INFINITY);
        DraftVocabulary outputs = checkpoint.outputs().orElse(null);
        for (int i = 0; i < row.length; i++) {
            if (row[i] > NEVER) all[outputs == null ? i : outputs.target(i)] = row[i];
        }
        return all;
    }

    /** A greedy answer: its tokens, and how clear each choice was. */
    record Answer(int[] tokens, float[] margins) {}

    Answer answer(int[] prompt, int most) {
        List<Integer> ends = model.config().eosIds();
        int[] tokens = new int[most];
        float[] margins = new float[most];
        model.truncate(0);
        model.read(prompt, 0, prompt.length, 1);
        for (int i = 0; i < most; i++) {
            model.logits(0, row);
            int[] best = top(row, 2);
            tokens[i] = best[0];
            margins[i] = row[best[0]] - row[best[1]];
            if (ends.contains(best[0])) return new Answer(Arrays.copyOf(tokens, i + 1), Arrays.copyOf(margins, i + 1));
            model.read(tokens, i, 1, 1);
        }
        return new Answer(tokens, margins);
    }

    /** Ids of the largest, the largest first. */
    static int[] top(float[] logits, int count) {
        int[] best = new int[Math.min(count, logits.length)];
        boolean[] taken = new boolean[logits.length];
        for (int i = 0; i < best.length; i++) {
            int at = -1;
            for (int id = 0; id < logits.length; id++) {
                if (!taken[id] && (at < 0 || logits[id] > logits[at])) at = id;
            }
            taken[at] = true;
            best[i] = at;
        }
        return best;
    }

    static String hash(float[] logits) {
        StringBuilder text = new StringBuilder();
        IntStream.range(0, logits.length)
                .filter(id -> logits[id] > NEVER)
                .forEach(id ->
                        text.append(id).append(':').append(rounded(logits[id])).append(' '));
        try {
            byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    // No negative zero.
    private static String rounded(float value) {
        return String.format(Locale.ROOT, "%.1f", Math.round(value * 10.0) / 10.0 + 0.0);
    }

    @Override
    public void close() {
        model.close();
        weights.close();
        checkpoint.close();
    }
}
