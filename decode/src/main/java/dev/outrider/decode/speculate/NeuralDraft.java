package dev.outrider.decode.speculate;

import dev.outrider.decode.model.CausalModel;
import java.util.Arrays;

/**
 * A small language model that guesses the target's next tokens. It follows the target's sampling settings,
 * repetition penalty included, so that its law is as near to the target's as it can be. Where its cache is
 * full it proposes less, and at last nothing.
 *
 * <p>The model is the drafter's while it drafts, and is closed with it.
 */
public final class NeuralDraft implements Drafter {
    private final String name;
    private final CausalModel model;
    private final long parameters;
    private final float[] row;
    private final History history;
    private final Law[] laws = new Law[Decoder.MAX_GAMMA];
    private final int[] proposed = new int[Decoder.MAX_GAMMA];

    /** Tokens heard; the model has read a beginning of them, and maybe proposed ones after. */
    private int[] context = new int[64];

    private int known;

    public NeuralDraft(CausalModel model, long parameters) {
        this("draft", model, parameters);
    }

    /**
     * @param name for reports
     * @param parameters of the model, for the cost ratio c
     */
    public NeuralDraft(String name, CausalModel model, long parameters) {
        this.name = name;
        this.model = model;
        this.parameters = parameters;
        row = new float[model.vocabulary()];
        history = new History(model.vocabulary());
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public int vocabulary() {
        return model.vocabulary();
    }

    @Override
    public long parameters() {
        return parameters;
    }

    @Override
    public void begin(int[] prompt) {
        model.truncate(0);
        history.clear();
        known = 0;
        for (int id : prompt) know(id);
        if (known <= model.capacity()) model.read(context, 0, known, 1);
    }

    @Override
    public Proposal propose(int count, Sampling sampling, Chance chance) {
        // The last proposed token is not read.
        int most = Math.min(count, model.capacity() - known + 1);
        if (most <= 0) return Proposal.NONE;
        model.read(context, model.length(), known - model.length(), 1);
        for (int i = 0; i < most; i++) {
            if (i > 0) model.read(proposed, i - 1, 1, 1);
            model.logits(0, row);
            proposed[i] = choose(i, sampling, chance);
            history.push(proposed[i]);
        }
        for (int i = most - 1; i >= 0; i--) history.pop(proposed[i]);
        return new Proposal(proposed, laws, most);
    }

    @Override
    public void hear(int kept, int next) {
        for (int i = 0; i < kept; i++) know(proposed[i]);
        model.truncate(Math.min(model.length(), known));
        know(next);
    }

    @Override
    public void close() {
        model.close();
    }

    private int choose(int i, Sampling sampling, Chance chance) {
        if (sampling.greedy()) return Greedy.pick(row, sampling, history);
        if (laws[i] == null) laws[i] = new Law(row.length);
        return chance.draw(laws[i].from(row, sampling, history));
    }

    private void know(int id) {
        if (known == context.length) context = Arrays.copyOf(context, 2 * known);
        context[known++] = id;
        history.push(id);
    }
}
