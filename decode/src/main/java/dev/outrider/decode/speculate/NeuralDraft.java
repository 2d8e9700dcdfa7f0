package dev.outrider.decode.speculate;

import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.decode.model.CausalModel;
import java.util.Arrays;

/**
 * A small language model that guesses the target's next tokens. It follows the target's sampling settings,
 * repetition penalty included, so that its law is as near to the target's as it can be. Where its cache is
 * full it proposes less, and at last nothing. Where it can say only some tokens
 * ({@link CausalModel#outputs}), these alone are proposed, as the target's ids, and its law gives all others 0:
 * temperature and filters work on the tokens that it chooses from.
 *
 * <p>The model is the drafter's while it drafts, and is closed with it.
 */
public final class NeuralDraft implements Drafter {
    private final String name;
    private final CausalModel model;
    private final long parameters;
    private final DraftVocabulary outputs;
    private final float[] row;

    /** Of indices of the row: a token that cannot be said cannot be repeated. */
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
        outputs = model.outputs().orElse(null);
        row = new float[model.logits()];
        history = new History(row.length);
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
            history.push(entry(proposed[i]));
        }
        for (int i = most - 1; i >= 0; i--) history.pop(entry(proposed[i]));
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
        if (sampling.greedy()) return id(Greedy.pick(row, sampling, history));
        if (laws[i] == null) laws[i] = outputs == null ? new Law(row.length) : new Law(outputs);
        return chance.draw(laws[i].from(row, sampling, history));
    }

    /** The target's id of an index of the row. */
    private int id(int entry) {
        return outputs == null ? entry : outputs.target(entry);
    }

    /** The index in the row of a target's id; -1 if it cannot be said. */
    private int entry(int id) {
        return outputs == null ? id : outputs.draft(id);
    }

    private void know(int id) {
        if (known == context.length) context = Arrays.copyOf(context, 2 * known);
        context[known++] = id;
        if (entry(id) >= 0) history.push(entry(id));
    }
}
