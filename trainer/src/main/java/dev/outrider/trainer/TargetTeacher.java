package dev.outrider.trainer;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.model.CausalModel;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.Llava;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.speculate.Decoder;
import java.util.Arrays;

/**
 * The target as teacher: its own forward pass over the batch's tokens, logits made when asked for. Of texts with pictures
 * it reads its own rows, or none where it cannot see, whatever the draft reads of them.
 */
public final class TargetTeacher implements Teacher {
    private final CausalModel target;
    private final Llama language;
    private final Device device;
    /** Rows of a text that the target reads of a picture. */
    private final int rows;

    private final int channels;
    /** F32 [B·T, C], by the batch's positions; [tokens of a text, C], by the target's. */
    private Buffer hidden, own;

    /** @param target its cache must hold a whole sequence; closed with the teacher; it must be able to say all tokens */
    public TargetTeacher(Llama target, Device device) {
        this(target, target, 0, device);
    }

    /** The same with a target that sees. */
    public TargetTeacher(Llava target, Device device) {
        this(target, target.language(), target.rows(), device);
    }

    private TargetTeacher(CausalModel target, Llama language, int rows, Device device) {
        Decoder.requireWhole("teacher", target);
        this.target = target;
        this.language = language;
        this.rows = rows;
        this.device = device;
        this.channels = language.config().hiddenSize();
    }

    @Override
    public int vocabulary() {
        return target.vocabulary();
    }

    @Override
    public void begin(Batch batch) {
        hidden = room(hidden, batch.positions());
        for (int s = 0; s < batch.sequences(); s++) {
            int at = s * batch.time();
            if (batch.pictures().isPresent()) seen(batch, s, at);
            else language.hidden(batch.tokens(), at, batch.time(), rows(hidden, at, batch.time()));
        }
    }

    /** Reads a sequence's text in the target's way, and brings what it thought to the batch's positions. */
    private void seen(Batch batch, int sequence, int at) {
        BatchPictures.Text text = batch.pictures().orElseThrow().texts().get(sequence);
        int[] ids = Arrays.copyOf(text.ids(), text.read()), read = target.own(ids);
        if (read.length > target.capacity()) throw tooLong(sequence, ids.length, read.length);
        target.show(text.pictures().subList(0, pictures(ids)));
        own = room(own, read.length);
        language.hidden(read, 0, read.length, own);
        int[] last = last(ids);
        for (int p = 0; p < batch.time(); ) {
            int from = last[text.places()[p]], end = p + 1;
            if (from < 0) requireUnread(batch, at + p);
            while (end < batch.time() && last[text.places()[end]] == from + end - p) end++;
            if (from >= 0)
                device.copy(rows(own, from, end - p), rows(hidden, at + p, end - p), (long) (end - p) * channels);
            p = end;
        }
    }

    /** By place of a text, the row of the target's reading after which it has read up to there; -1: none yet. */
    private int[] last(int[] ids) {
        int[] last = new int[ids.length];
        int row = -1;
        for (int q = 0; q < ids.length; q++) {
            row += Picture.isPlaceholder(ids[q]) ? rows : 1;
            last[q] = row;
        }
        return last;
    }

    private static int pictures(int[] ids) {
        int least = 0;
        for (int id : ids) least = Math.min(least, id);
        return -least;
    }

    private static void requireUnread(Batch batch, int position) {
        if (batch.counted()[position] == 0) return;
        throw Failure.data(
                "batch, sequence " + position / batch.time(),
                "a text whose first word, behind a picture, is to be learnt",
                "something before it that a target which cannot see has read",
                "Begin texts with the BOS token.");
    }

    private Failure tooLong(int sequence, int ids, int read) {
        return Failure.usage(
                "batch, sequence " + sequence,
                ids + " tokens and pictures, which are " + read + " rows for the target",
                "at most " + target.capacity() + ", the room in its cache",
                "Open the target with a larger context, or make shorter rows.");
    }

    private Buffer rows(Buffer of, long first, long count) {
        return of.slice(first * channels, count * channels);
    }

    private Buffer room(Buffer of, long rows) {
        if (of != null && of.elements() >= rows * channels) return of;
        if (of != null) device.free(of);
        return device.allocate(DType.F32, rows * channels);
    }

    @Override
    public void logits(int first, int rows, Buffer logits) {
        language.head(rows(hidden, first, rows), rows, logits);
    }

    @Override
    public void close() {
        if (hidden != null) device.free(hidden);
        if (own != null) device.free(own);
        target.close();
    }
}
