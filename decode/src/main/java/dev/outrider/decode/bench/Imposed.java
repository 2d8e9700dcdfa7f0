package dev.outrider.decode.bench;

import dev.outrider.decode.speculate.Chance;
import dev.outrider.decode.speculate.Drafter;
import dev.outrider.decode.speculate.Sampling;
import java.util.SplittableRandom;

/**
 * A draft at its real cost whose guesses are right as often as is wished: the engine is measured, not the draft. For greedy
 * decoding of a text that is known.
 */
final class Imposed implements Drafter {
    private final Drafter draft;
    private final int[] text;
    private final double rate;
    private final SplittableRandom random = new SplittableRandom(1);
    private int heard;

    /**
     * @param text what the target says
     * @param rate share of guesses that are right, where all before them were
     */
    Imposed(Drafter draft, int[] text, double rate) {
        this.draft = draft;
        this.text = text;
        this.rate = rate;
    }

    @Override
    public String name() {
        return draft.name();
    }

    @Override
    public int vocabulary() {
        return draft.vocabulary();
    }

    @Override
    public long parameters() {
        return draft.parameters();
    }

    @Override
    public void begin(int[] context) {
        heard = 0;
        draft.begin(context);
    }

    @Override
    public Proposal propose(int count, Sampling sampling, Chance chance) {
        Proposal own = draft.propose(count, sampling, chance);
        for (int i = 0; i < own.count(); i++) {
            int said = heard + i < text.length ? text[heard + i] : 0;
            own.tokens()[i] = random.nextDouble() < rate ? said : (said + 1) % vocabulary();
        }
        return own;
    }

    @Override
    public void hear(int kept, int next) {
        heard += kept + 1;
        draft.hear(kept, next);
    }

    @Override
    public void close() {
        draft.close();
    }
}
