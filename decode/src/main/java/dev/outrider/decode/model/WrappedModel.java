package dev.outrider.decode.model;

import dev.outrider.checkpoints.DraftVocabulary;
import java.util.List;
import java.util.Optional;

/** A model that does what another one does, but for what a subclass does otherwise. */
public abstract class WrappedModel implements CausalModel {
    protected final CausalModel model;

    /** @param model closed with this; nobody else may read with it */
    protected WrappedModel(CausalModel model) {
        this.model = model;
    }

    @Override
    public int vocabulary() {
        return model.vocabulary();
    }

    @Override
    public Optional<DraftVocabulary> outputs() {
        return model.outputs();
    }

    @Override
    public boolean sees() {
        return model.sees();
    }

    @Override
    public void show(List<Picture> pictures) {
        model.show(pictures);
    }

    @Override
    public int[] own(int[] prompt) {
        return model.own(prompt);
    }

    @Override
    public int capacity() {
        return model.capacity();
    }

    @Override
    public int length() {
        return model.length();
    }

    @Override
    public void truncate(int length) {
        model.truncate(length);
    }

    @Override
    public void read(int[] tokens, int offset, int count, int rows) {
        model.read(tokens, offset, count, rows);
    }

    @Override
    public void logits(int row, float[] into) {
        model.logits(row, into);
    }

    @Override
    public void close() {
        model.close();
    }
}
