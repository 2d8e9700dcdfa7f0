package dev.outrider.decode.bench;

import dev.outrider.decode.speculate.Law;
import dev.outrider.decode.speculate.Sampling;
import java.util.SplittableRandom;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** From logits over 32,000 tokens to the law that is sampled from: once for every row that is judged. */
@State(Scope.Benchmark)
public class Laws {
    @Param({"temperature", "top-k", "top-p"})
    String filter;

    private final float[] logits = new float[DraftProducts.VOCABULARY];
    private final Law law = new Law(logits.length);
    private Sampling sampling;

    @Setup
    public void draw() {
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < logits.length; i++) logits[i] = (float) (3 * random.nextGaussian());
        sampling = switch (filter) {
            case "top-k" -> new Sampling(0.7, 40, 1, 0, 1);
            case "top-p" -> new Sampling(0.7, 0, 0.95, 0, 1);
            default -> Sampling.temperature(0.7);
        };
    }

    @Benchmark
    public Law law() {
        return law.from(logits, sampling);
    }
}
