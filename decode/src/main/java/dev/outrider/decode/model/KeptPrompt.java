package dev.outrider.decode.model;

import java.util.Arrays;
import java.util.List;

/**
 * A model that need not read the same prompt twice: where its cache is emptied and what is read next is the prompt
 * that it read last, all that came after it is forgotten instead. For measurements that go on from one prompt many
 * times; cache and logits have the very bits of another reading.
 *
 * <p>A prompt is what is read first, in one call that keeps the logits of its last token.
 */
public final class KeptPrompt extends WrappedModel {
    private final float[] last;
    private int[] prompt = {};

    private List<String> shown = List.of();

    /** The cache counts as empty, though the model's is not yet. */
    private boolean empty;

    /** The logits asked for are those of the prompt's last token. */
    private boolean atPrompt;

    /** @param model closed with this; nobody else may read with it */
    public KeptPrompt(CausalModel model) {
        super(model);
        last = new float[model.logits()];
        empty = model.length() == 0;
    }

    @Override
    public void show(List<Picture> pictures) {
        List<String> ids = pictures.stream().map(Picture::id).toList();
        if (ids.equals(shown)) return;
        shown = ids;
        prompt = new int[0];
        empty = true;
        atPrompt = false;
        model.show(pictures);
    }

    @Override
    public int length() {
        return empty ? 0 : model.length();
    }

    @Override
    public void truncate(int length) {
        if (length == 0) {
            empty = true;
            return;
        }
        if (empty) throw new IndexOutOfBoundsException(length + " of 0 tokens");
        if (length < prompt.length) prompt = new int[0];
        model.truncate(length);
    }

    @Override
    public void read(int[] tokens, int offset, int count, int rows) {
        boolean first = empty, whole = first && rows == 1 && count > 0;
        atPrompt = whole && Arrays.equals(prompt, 0, prompt.length, tokens, offset, offset + count);
        if (atPrompt) {
            model.truncate(count);
        } else {
            if (first) {
                model.truncate(0);
                prompt = new int[0];
            }
            model.read(tokens, offset, count, rows);
            if (whole) keep(tokens, offset, count);
        }
        empty = empty && count == 0;
    }

    private void keep(int[] tokens, int offset, int count) {
        prompt = Arrays.copyOfRange(tokens, offset, offset + count);
        model.logits(0, last);
    }

    @Override
    public void logits(int row, float[] into) {
        if (atPrompt && row == 0) System.arraycopy(last, 0, into, 0, last.length);
        else model.logits(row, into);
    }
}
