package dev.outrider.decode.speculate;

import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.decode.device.cpu.Exponentials;
import dev.outrider.decode.model.CausalModel;
import dev.outrider.decode.model.Picture;
import java.util.List;

/**
 * A small language model that guesses the target's next tokens. It follows the target's sampling settings,
 * repetition penalty included, so that its law is as near to the target's as it can be. Where its cache is
 * full it proposes less, and at last nothing. Where it can say only some tokens
 * ({@link CausalModel#outputs}), these alone are proposed, as the target's ids, and its law gives all others 0:
 * temperature and filters work on the tokens that it chooses from.
 *
 * <p>It reads a text only when it is asked for what follows. The model is the drafter's while it drafts, and is
 * closed with it.
 */
public final class NeuralDraft extends GradedDraft implements Lawful {
    private final CausalModel model;
    private final long parameters;
    private final DraftVocabulary outputs;
    private final float[] row;
    private final double[] weights;

    /** Of indices of the row: a token that cannot be said cannot be repeated. */
    private final History history;

    public NeuralDraft(CausalModel model, long parameters) {
        this("draft", model, parameters);
    }

    /**
     * @param name for reports
     * @param parameters of the model, for the cost ratio c
     */
    public NeuralDraft(String name, CausalModel model, long parameters) {
        super(name, model.vocabulary());
        this.model = model;
        this.parameters = parameters;
        outputs = model.outputs().orElse(null);
        row = new float[model.logits()];
        weights = new double[row.length];
        history = new History(row.length);
    }

    @Override
    public long parameters() {
        return parameters;
    }

    @Override
    public void show(List<Picture> pictures) {
        model.show(pictures);
    }

    @Override
    int[] own(int[] context) {
        return model.own(context);
    }

    @Override
    public void begin(int[] prompt) {
        model.truncate(0);
        history.clear();
        super.begin(prompt);
        if (ready()) read();
    }

    @Override
    boolean ready() {
        return length() <= model.capacity();
    }

    @Override
    int guess(Sampling sampling, Chance chance) {
        read();
        if (sampling.greedy()) return id(Greedy.pick(row, sampling, history));
        return chance.draw(law().from(row, sampling, history));
    }

    @Override
    Law newLaw() {
        return outputs == null ? super.newLaw() : new Law(outputs);
    }

    @Override
    void pushed(int token) {
        if (entry(token) >= 0) history.push(entry(token));
    }

    @Override
    void popped(int token) {
        if (entry(token) >= 0) history.pop(entry(token));
        if (model.length() > length()) model.truncate(length());
    }

    @Override
    public void close() {
        model.close();
    }

    /** Reads what is new of the text; row: logits of what follows it. */
    private void read() {
        int unread = length() - model.length();
        if (unread > 0) model.read(text(), model.length(), unread, 1);
        model.logits(0, row);
    }

    @Override
    public void addLaw(double[] to, double weight) {
        read();
        double share = weight / Exponentials.weigh(row, weights, Exponentials.max(row), 1);
        for (int i = 0; i < row.length; i++) to[id(i)] += share * weights[i];
    }

    /** Of its softmax. */
    @Override
    double greatest() {
        read();
        return 1 / Exponentials.weigh(row, weights, Exponentials.max(row), 1);
    }

    /** The target's id of an index of the row. */
    private int id(int entry) {
        return outputs == null ? entry : outputs.target(entry);
    }

    /** The index in the row of a target's id; -1 if it cannot be said, as the rows of a picture. */
    private int entry(int id) {
        if (Picture.isPlaceholder(id)) return -1;
        return outputs == null ? id : outputs.draft(id);
    }
}
