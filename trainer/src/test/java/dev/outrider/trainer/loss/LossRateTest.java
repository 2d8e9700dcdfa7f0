package dev.outrider.trainer.loss;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.trainer.Batch;
import dev.outrider.trainer.BatchLaws;
import dev.outrider.trainer.Teacher;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The loss alone at the size of a real chat model: laws over V = 49,152 cut to V' = 12,288, the target's logits
 * there for nothing, against 32 stored entries. Printed; stored laws have to be the cheaper ones.
 */
@Tag("slow")
class LossRateTest {
    private static final int V = 49_152, SAID = 12_288, K = 32, ROWS = 128;

    private record Free() implements Teacher {
        @Override
        public int vocabulary() {
            return V;
        }

        @Override
        public void begin(Batch batch) {}

        @Override
        public void logits(int first, int rows, Buffer into) {}

        @Override
        public void close() {}
    }

    @Test
    void storedLawsAreCheaperThanTheSoftmaxOverAllTokens() {
        DraftVocabulary outputs = new DraftVocabulary(
                V, IntStream.range(0, SAID).map(i -> 4 * i + 1).toArray());
        byte[] counted = new byte[ROWS];
        Arrays.fill(counted, 0, ROWS - 1, (byte) 1);
        int[] ids = IntStream.range(0, ROWS * K).map(i -> i * 1009 % V).toArray();
        float[] logs = new float[ids.length];
        for (int i = 0; i < logs.length; i++) logs[i] = -1.5f - 0.4f * (i % K);
        Batch batch = new Batch(1, ROWS, new int[ROWS], new int[ROWS], counted).with(new BatchLaws(K, ids, logs));
        try (CpuDevice device = new CpuDevice(2)) {
            for (Divergence loss : new Divergence[] {new ForwardKl(), new TotalVariationPlus()}) {
                Teacher free = new Free();
                try (Distillation online = new Distillation(device, free, loss, 1, Optional.of(outputs));
                        Distillation stored = Distillation.stored(device, V, loss, 1, Optional.of(outputs))) {
                    double slow = rate(device, online, batch), fast = rate(device, stored, batch);
                    System.out.printf("%s: positions/s online %.0f, stored %.0f%n", loss, slow, fast);
                    assertThat(fast).isGreaterThan(slow);
                }
            }
        }
    }

    /** The best of some rounds, compiled. */
    private static double rate(CpuDevice device, TokenLoss loss, Batch batch) {
        float[] values = Seeds.normal(Seeds.generator(2), ROWS * SAID, 2);
        Buffer logits = device.allocate(DType.F32, values.length);
        double best = 0;
        for (int round = 0; round < 40; round++) {
            device.upload(values, 0, logits, values.length);
            loss.beginStep(0);
            loss.begin(batch, 1);
            long began = System.nanoTime();
            loss.apply(logits, 0, ROWS, SAID, true);
            best = Math.max(best, ROWS * 1e9 / (System.nanoTime() - began));
        }
        device.free(logits);
        return best;
    }
}
