package dev.outrider.trainer.loss;

import dev.outrider.decode.device.Buffer;
import dev.outrider.trainer.Batch;
import dev.outrider.trainer.Teacher;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A teacher whose logits are given, [positions, V] of one batch or of several one after another. */
final class FixedTeacher implements Teacher {
    private final float[] logits;
    private final int vocabulary;
    private int batchFirst;
    private int nextFirst;

    /** Rows that were asked for. */
    int asked;

    FixedTeacher(float[] logits, int vocabulary) {
        this.logits = logits;
        this.vocabulary = vocabulary;
    }

    /** From the first batch again. */
    void rewind() {
        nextFirst = 0;
    }

    @Override
    public int vocabulary() {
        return vocabulary;
    }

    @Override
    public void begin(Batch batch) {
        if ((nextFirst + batch.positions()) * vocabulary > logits.length) rewind();
        batchFirst = nextFirst;
        nextFirst += batch.positions();
    }

    @Override
    public void logits(int first, int rows, Buffer into) {
        asked += rows;
        MemorySegment memory = MemorySegment.ofAddress(into.address()).reinterpret(into.bytes());
        int at = (batchFirst + first) * vocabulary;
        MemorySegment.copy(logits, at, memory, ValueLayout.JAVA_FLOAT, 0, rows * vocabulary);
    }

    @Override
    public void close() {}
}
