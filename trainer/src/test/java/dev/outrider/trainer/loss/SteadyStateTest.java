package dev.outrider.trainer.loss;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.trainer.Batch;
import dev.outrider.trainer.BatchLaws;
import dev.outrider.trainer.Teacher;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Once compiled, a step allocates nothing, whatever the loss. */
class SteadyStateTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int V = 1000;
    private static final int ROWS = 8;
    private static final int STEPS = 20;
    private static final long PATIENCE = 30_000_000_000L;

    private final float[] values = Seeds.normal(Seeds.generator(1), ROWS * V, 3);
    private final Batch batch = withLaws(Cases.batch(Seeds.generator(2), 2, ROWS / 2, V));

    private static Batch withLaws(Batch batch) {
        int k = 5;
        int[] ids = new int[ROWS * k];
        float[] logs = new float[ROWS * k];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = 7 * i;
            logs[i] = -2 - i % k;
        }
        return batch.with(new BatchLaws(k, ids, logs));
    }

    /** Uploads the same rows every time. */
    private record Uploading(CpuDevice device, float[] values) implements Teacher {
        @Override
        public int vocabulary() {
            return V;
        }

        @Override
        public void begin(Batch batch) {}

        @Override
        public void logits(int first, int rows, Buffer into) {
            device.upload(values, (ROWS - rows) * V, into, rows * V);
        }

        @Override
        public void close() {}
    }

    @Test
    void nothingIsAllocated() {
        TotalVariationPlus exact = new TotalVariationPlus(Divergence.Scope.SEQUENCE, new TotalVariationPlus.Exact());
        TotalVariationPlus sampled =
                new TotalVariationPlus(Divergence.Scope.BATCH, new TotalVariationPlus.Sampled(2, 3));
        List<Divergence> losses = List.of(
                new ForwardKl(),
                new ReverseKl(),
                new JensenShannon(),
                new TotalVariation(),
                new AcceptanceHybrid(3),
                new LabelCrossEntropy(),
                exact,
                sampled);
        try (CpuDevice device = new CpuDevice(1)) {
            Teacher teacher = new Uploading(device, values);
            check(device, "cross entropy", new CrossEntropy(device.threads()));
            for (Divergence loss : losses) {
                try (Distillation distillation = new Distillation(device, teacher, loss, 1)) {
                    check(device, loss, distillation);
                }
            }
        }
    }

    /** A draft of some tokens, against the target at hand and against stored laws. */
    @Test
    void nothingIsAllocatedWithAVocabularyOfItsOwn() {
        int all = 3 * V;
        DraftVocabulary outputs = new DraftVocabulary(
                all, IntStream.range(0, V).map(i -> 3 * i + 1).toArray());
        try (CpuDevice device = new CpuDevice(1);
                Distillation online = new Distillation(
                        device, new Repeating(device, values, all), new ForwardKl(), 1, Optional.of(outputs));
                Distillation stored = Distillation.stored(device, all, new TotalVariation(), 1, Optional.of(outputs))) {
            check(device, "pruned cross entropy", new CrossEntropy(device.threads(), Optional.of(outputs)));
            check(device, "pruned", online);
            check(device, "stored", stored);
        }
    }

    /** Uploads what there is; the rest of the rows stays as it was. */
    private record Repeating(CpuDevice device, float[] values, int vocabulary) implements Teacher {
        @Override
        public void begin(Batch batch) {}

        @Override
        public void logits(int first, int rows, Buffer into) {
            device.upload(values, 0, into, Math.min(values.length, rows * vocabulary));
        }

        @Override
        public void close() {}
    }

    /** The interpreter allocates vectors, so it takes some rounds until one is free of it: many on a busy machine. */
    private void check(CpuDevice device, Object what, TokenLoss loss) {
        Buffer logits = device.allocate(DType.F32, ROWS * V);
        long least = Long.MAX_VALUE, end = System.nanoTime() + PATIENCE;
        while (least > 0 && System.nanoTime() < end) {
            long before = allocated();
            for (int step = 0; step < STEPS; step++) step(device, loss, logits, step);
            least = Math.min(least, allocated() - before);
        }
        assertThat(least).as("bytes of %s", what).isZero();
        device.free(logits);
    }

    private void step(CpuDevice device, TokenLoss loss, Buffer logits, long step) {
        device.upload(values, 0, logits, ROWS * V);
        loss.beginStep(step);
        loss.begin(batch, 0.1);
        loss.apply(logits, 0, ROWS, V, true);
    }

    private static long allocated() {
        return THREADS.getCurrentThreadAllocatedBytes();
    }
}
