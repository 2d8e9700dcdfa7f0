package dev.outrider.trainer;

import dev.outrider.data.shard.Shards;
import dev.outrider.trainer.layer.LlamaGraph;
import dev.outrider.trainer.loss.BlockEfficiency;
import dev.outrider.trainer.loss.TokenLoss;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Loss on held-out rows and the block efficiency that the draft would have on these very answers at γ = 3 and 5:
 * greedy from agreement, and, where the loss knows the target, sampled from α at each position. Without the target
 * the rows' own tokens are agreed with: exact where it said them greedily.
 *
 * @param all held-out rows
 * @param available how many there are
 * @param rows how many are used at most, from the first
 */
public record Validation(Source.Rows all, long available, TokenLoss loss, int rows, int microBatch) {
    private static final int[] GAMMAS = {3, 5};

    /** On rows without pictures. */
    public Validation(Shards shards, TokenLoss loss, int rows, int microBatch) {
        this(shards, loss, rows, microBatch, Optional.empty());
    }

    /** @param pictures how those of the rows are read, where they have any */
    public Validation(Shards shards, TokenLoss loss, int rows, int microBatch, Optional<RowPictures> pictures) {
        this(
                pictures.map(p -> Source.Rows.of(shards, p)).orElseGet(() -> Source.Rows.of(shards)),
                shards.rows(),
                loss,
                rows,
                microBatch);
    }

    /** Measures without touching gradients. */
    public Map<String, Double> measure(LlamaGraph graph) {
        double sum = 0, count = 0;
        List<double[]> accepted = new ArrayList<>(), agreed = new ArrayList<>();
        loss.beginStep(0);
        int last = (int) Math.min(rows, available);
        for (int at = 0; at < last; at += microBatch) {
            for (Batch pass : all.read(at, Math.min(last, at + microBatch) - at).passes(microBatch)) {
                sum += graph.evaluate(pass, loss);
                count += loss.count(pass);
                collect(pass, loss.acceptance(), accepted);
                collect(pass, loss.agreement(), agreed);
            }
        }
        Map<String, Double> values = new LinkedHashMap<>();
        values.put("valid/loss", sum / Math.max(1, count));
        if (!accepted.isEmpty()) simulate("sampled", "acceptance", accepted, values);
        if (!agreed.isEmpty()) simulate("greedy", "agreement", agreed, values);
        return values;
    }

    // Splits [B·T] into one series per sequence: counted positions, but for the first, which predicts the token
    // that the pass over the prompt yields and no draft takes part in.
    private static void collect(Batch batch, double[] perPosition, List<double[]> series) {
        if (perPosition.length == 0) return;
        for (int s = 0; s < batch.sequences(); s++) {
            double[] one = new double[batch.time()];
            int n = 0;
            for (int i = s * batch.time(); i < (s + 1) * batch.time(); i++) {
                if (batch.counted()[i] != 0) one[n++] = perPosition[i];
            }
            if (n > 1) series.add(Arrays.copyOfRange(one, 1, n));
        }
    }

    private static void simulate(String decoding, String mean, List<double[]> series, Map<String, Double> values) {
        values.put("valid/" + mean, mean(series));
        for (int gamma : GAMMAS) values.put("valid/tau_" + decoding + "_" + gamma, BlockEfficiency.tau(series, gamma));
    }

    private static double mean(List<double[]> series) {
        return series.stream().flatMapToDouble(Arrays::stream).average().orElse(0);
    }

    /** For the terminal. */
    static String line(Map<String, Double> values) {
        StringBuilder line = new StringBuilder();
        values.forEach(
                (name, v) -> line.append(String.format(Locale.ROOT, "%s %.3f  ", name.replace("valid/", ""), v)));
        return line.toString().stripTrailing();
    }
}
