package dev.outrider.trainer;

import dev.outrider.decode.device.Buffer;

/** The target's own opinion of a batch: raw next-token logits on the same tokens. */
public interface Teacher extends AutoCloseable {
    int vocabulary();

    /** Reads the batch; logits of its positions can be asked for until the next begin. */
    void begin(Batch batch);

    /** Writes the logits of positions first .. first+rows-1 (of B·T) into logits [rows, V]. */
    void logits(int first, int rows, Buffer logits);

    @Override
    void close();
}
