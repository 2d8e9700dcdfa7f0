package dev.outrider.decode.speculate;

import dev.outrider.decode.device.Device;
import dev.outrider.decode.model.CausalModel;
import dev.outrider.decode.model.WrappedModel;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;

/**
 * A draft's model that knows which answer is going to be replayed. It reads the answer once, many tokens a pass, with the
 * bits of reading it one by one, and has the logits ready for as many replays as there are. What a drafter reads
 * of its own behind a wrong guess is not read at all: guesses made there are never judged, so it may be told anything.
 *
 * <p>So passes, τ and acceptance of {@link Replay} are those without it, in a small part of the time; times are not, and
 * neither is what was proposed behind a wrong guess.
 */
public final class ReadAhead extends WrappedModel {
    private int[] prompt = {};
    private int[] answer = {};
    /** Behind the prompt, and behind each token of the answer; room for the longest yet. */
    private float[][] rows = {};

    private int known;
    private int length;
    /** Tokens read that are the prompt's and the answer's. */
    private int same;

    /** @param model closed with this; nobody else may read with it */
    public ReadAhead(CausalModel model) {
        super(model);
    }

    /** The same answers; each is made known to the models before it is handed out. */
    public static Iterable<Recorded> of(List<ReadAhead> models, Iterable<Recorded> answers) {
        return () -> new Iterator<>() {
            private final Iterator<Recorded> all = answers.iterator();

            @Override
            public boolean hasNext() {
                return all.hasNext();
            }

            @Override
            public Recorded next() {
                Recorded next = all.next();
                for (ReadAhead each : models) each.expect(next);
                return next;
            }
        };
    }

    private void expect(Recorded recorded) {
        prompt = model.own(recorded.prompt());
        answer = recorded.answer();
        known = 0;
        truncate(0);
    }

    @Override
    public void read(int[] tokens, int offset, int count, int rows) {
        if (rows != 1) throw new IllegalArgumentException(rows + " rows of logits: drafts ask for one");
        for (int i = offset; i < offset + count; i++) {
            boolean on = same == length && same < prompt.length + answer.length;
            if (on && tokens[i] == text(same)) same++;
            length++;
        }
        if (same < prompt.length) throw new IllegalStateException("another prompt than was expected");
        while (known <= same - prompt.length) further();
    }

    private int text(int i) {
        return i < prompt.length ? prompt[i] : answer[i - prompt.length];
    }

    // The prompt in one pass, as it is read without this: of many rows, the bits depend on their number.
    private void further() {
        if (known == 0) {
            model.truncate(0);
            model.read(prompt, 0, prompt.length, 1);
            keep(0, 0);
            known = 1;
            return;
        }
        int from = known - 1, most = Math.min(answer.length, model.capacity() - prompt.length) - from;
        int count = Math.min(most, Device.INVARIANT_ROWS);
        model.read(answer, from, count, count);
        for (int r = 0; r < count; r++) keep(r, known + r);
        known += count;
    }

    private void keep(int row, int as) {
        if (as >= rows.length) rows = Arrays.copyOf(rows, Math.max(2 * rows.length, as + 64));
        if (rows[as] == null) rows[as] = new float[model.logits()];
        model.logits(row, rows[as]);
    }

    @Override
    public void logits(int row, float[] into) {
        float[] behind = rows[same - prompt.length];
        System.arraycopy(behind, 0, into, 0, behind.length);
    }

    @Override
    public void truncate(int length) {
        this.length = length;
        same = Math.min(same, length);
    }

    @Override
    public int length() {
        return length;
    }
}
