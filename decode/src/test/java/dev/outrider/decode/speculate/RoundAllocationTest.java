package dev.outrider.decode.speculate;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.ngram.NgramTable;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Rounds reuse their laws and rows: what they allocate does not grow with the vocabulary. */
class RoundAllocationTest {
    private static final int VOCABULARY = 4000;
    private static final long PATIENCE = 10_000_000_000L;
    private static final int[] PROMPT = {1, 2};
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private static Drafter combined(FakeModel.Logits logits, NgramTable table) {
        List<StepDrafter> drafters =
                List.of(new PromptLookup(VOCABULARY), new NgramDraft(table), Drafters.neural(VOCABULARY, 2000, logits));
        return Drafters.hostile(drafters, Seeds.generator(1));
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, 0.8})
    void aRoundAllocatesNoRowAndNoLaw(double temperature) {
        Sampling sampling = new Sampling(temperature, 500, 0.9, 0.001, 1.1);
        float[] row = Drafters.row(VOCABULARY);
        FakeModel.Logits same = (context, length) -> row;
        NgramTable table = NgramTable.of(VOCABULARY, 3, List.of(new int[] {1, 2, 3, 4, 5, 1, 3}));
        for (Drafter drafter : List.of(
                Drafters.neural(VOCABULARY, 2000, same),
                new NgramDraft(table),
                new PromptLookup(VOCABULARY),
                Drafters.mixed(table, Drafters.neural(VOCABULARY, 2000, same)),
                combined(same, table))) {
            Decoder decoder = new Decoder(new FakeModel(VOCABULARY, 2000, same));
            // Until they are compiled, vectors are objects; when that is, is the compiler's threads' affair.
            double least = Double.MAX_VALUE;
            for (long end = System.nanoTime() + PATIENCE; least >= 400 && System.nanoTime() < end; ) {
                least = Math.min(least, bytesARound(decoder, drafter, sampling));
            }
            assertThat(least).as(drafter.name()).isLessThan(400);
        }
    }

    private static double bytesARound(Decoder decoder, Drafter drafter, Sampling sampling) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        var generation = decoder.speculative(PROMPT, drafter, 4, sampling, new Limits(400, Set.of()), 1, Listener.NONE);
        long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
        long once = 40_000; // random streams, the transcript's growth, the result
        return (double) (allocated - once) / generation.passes().size();
    }
}
