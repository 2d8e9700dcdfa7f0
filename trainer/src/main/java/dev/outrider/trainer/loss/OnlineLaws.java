package dev.outrider.trainer.loss;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.trainer.Batch;
import dev.outrider.trainer.Teacher;
import java.util.stream.IntStream;

/**
 * Laws by the target at hand: softmax of its logits over all tokens, of which a draft that says only some
 * gets its own columns.
 */
final class OnlineLaws implements TargetLaws {
    private final CpuDevice device;
    private final Teacher teacher;
    private final DraftVocabulary outputs;
    private final float inverseTemperature;

    /** Per worker a law over all tokens, where the draft says only some. */
    private final LawRow[] whole;

    private Buffer target;
    // Position that the target's logits begin with.
    private int first;

    OnlineLaws(CpuDevice device, Teacher teacher, DraftVocabulary outputs, double temperature) {
        this.device = device;
        this.teacher = teacher;
        this.outputs = outputs;
        inverseTemperature = (float) (1 / temperature);
        whole = IntStream.range(0, device.threads().count())
                .mapToObj(_ -> new LawRow())
                .toArray(LawRow[]::new);
    }

    @Override
    public void begin(Batch batch) {
        teacher.begin(batch);
    }

    @Override
    public boolean knows(Batch batch, int position) {
        return true;
    }

    @Override
    public void prepare(int first, int rows, int vocabulary) {
        if (target == null) checkVocabularies(outputs == null ? vocabulary : outputs.vocabulary());
        this.first = first;
        teacher.logits(first, rows, room((long) rows * teacher.vocabulary()));
    }

    private Buffer room(long elements) {
        if (target == null || target.elements() < elements) {
            close();
            target = device.allocate(DType.F32, elements);
        }
        return target;
    }

    private void checkVocabularies(int draft) {
        if (teacher.vocabulary() == draft) return;
        throw Failure.usage(
                "distillation",
                "a target of " + teacher.vocabulary() + " tokens and a draft of " + draft,
                "one vocabulary",
                "Train the draft with the target's own tokenizer.");
    }

    @Override
    public void read(LawPair x, int worker, int position) {
        int vocabulary = teacher.vocabulary();
        long logits = target.address() + 4L * (position - first) * vocabulary;
        if (outputs == null) {
            x.p.read(logits, vocabulary, inverseTemperature);
            x.complete(0);
        } else {
            whole[worker].read(logits, vocabulary, inverseTemperature);
            x.complete(x.p.take(whole[worker], outputs));
        }
    }

    @Override
    public void close() {
        if (target != null) device.free(target);
        target = null;
    }
}
