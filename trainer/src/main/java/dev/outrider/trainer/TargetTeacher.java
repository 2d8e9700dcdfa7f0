package dev.outrider.trainer;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.speculate.Decoder;

/** The target as teacher: its own forward pass over the batch's tokens, logits made when asked for. */
public final class TargetTeacher implements Teacher {
    private final Llama target;
    private final Device device;
    private final int channels;
    private Buffer hidden;

    /** @param target its cache must hold a whole sequence; closed with the teacher; it must be able to say all tokens */
    public TargetTeacher(Llama target, Device device) {
        Decoder.requireWhole("teacher", target);
        this.target = target;
        this.device = device;
        this.channels = target.config().hiddenSize();
    }

    @Override
    public int vocabulary() {
        return target.vocabulary();
    }

    @Override
    public void begin(Batch batch) {
        grow((long) batch.positions() * channels);
        for (int s = 0; s < batch.sequences(); s++) {
            int at = s * batch.time();
            target.truncate(0);
            target.hidden(
                    batch.tokens(),
                    at,
                    batch.time(),
                    hidden.slice((long) at * channels, (long) batch.time() * channels));
        }
    }

    private void grow(long elements) {
        if (hidden != null && hidden.elements() >= elements) return;
        if (hidden != null) device.free(hidden);
        hidden = device.allocate(DType.F32, elements);
    }

    @Override
    public void logits(int first, int rows, Buffer logits) {
        target.head(hidden.slice((long) first * channels, (long) rows * channels), rows, logits);
    }

    @Override
    public void close() {
        if (hidden != null) device.free(hidden);
        target.close();
    }
}
