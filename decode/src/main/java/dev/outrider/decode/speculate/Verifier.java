package dev.outrider.decode.speculate;

import dev.outrider.decode.model.CausalModel;
import dev.outrider.decode.speculate.Drafter.Proposal;

/**
 * Judges a proposal from the target's logits so that the text follows the target's law exactly
 * (Leviathan et al., 2211.17192; Chen et al., 2302.01318): left to right, token x drawn from q is accepted
 * with min(1, p(x)/q(x)), p being the target's processed law; at the first rejection the next token comes
 * from norm(max(0, p - q)), and after a wholly accepted proposal from p. Under greedy decoding a token is
 * accepted if it is the argmax, and no softmax is computed.
 */
final class Verifier {
    private final float[] row;
    private History history;
    private Law law;
    private Law residual;
    private Sampling sampling;
    private Chance chance;
    private int accepted;
    private int next;

    Verifier(int vocabulary) {
        row = new float[vocabulary];
    }

    /** A new text: these settings, after this prompt. */
    void begin(int[] prompt, Sampling sampling, Chance chance) {
        this.sampling = sampling;
        this.chance = chance;
        if (!sampling.greedy() && law == null) {
            law = new Law(row.length);
            residual = new Law(row.length);
        }
        if (!penalised()) return;
        if (history == null) history = new History(row.length);
        history.clear();
        history.push(prompt);
    }

    /** Judges tokens that the target has just read, its row i being what follows the i-th of them. */
    void judge(CausalModel target, Proposal proposal) {
        for (accepted = 0; accepted < proposal.count(); accepted++) {
            int token = proposal.tokens()[accepted];
            target.logits(accepted, row);
            if (!(sampling.greedy() ? matches(token) : passes(token, proposal.laws()[accepted]))) {
                remember(next);
                return;
            }
            remember(token);
        }
        target.logits(accepted, row);
        next = sampling.greedy() ? Greedy.pick(row, sampling, history) : chance.draw(law());
        remember(next);
    }

    /** Tokens of the proposal that stand. */
    int accepted() {
        return accepted;
    }

    /** The target's own token after them. */
    int next() {
        return next;
    }

    private boolean matches(int token) {
        next = Greedy.pick(row, sampling, history);
        return next == token;
    }

    private boolean passes(int token, Law draft) {
        double q = draft.probability(token);
        if (!(q > 0)) throw new IllegalStateException("token " + token + " was not drawn from the law beside it");
        if (chance.happens(law().probability(token) / q)) return true;
        next = chance.draw(residual.residual(law, draft));
        return false;
    }

    private Law law() {
        return law.from(row, sampling, history);
    }

    private boolean penalised() {
        return sampling.repetitionPenalty() != 1;
    }

    private void remember(int token) {
        if (penalised()) history.push(token);
    }
}
