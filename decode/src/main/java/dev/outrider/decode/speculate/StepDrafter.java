package dev.outrider.decode.speculate;

import dev.outrider.decode.model.Picture;
import java.util.Arrays;

/**
 * A drafter that guesses one position after the other, and that can go on from tokens which another proposed.
 * It keeps the text: what is final, and behind it what is proposed. At each position it says whether it has a
 * guess, what speaks for it, and then makes it; {@link Combined} asks several in this way.
 *
 * <p>Losslessness rests on the order: {@link #ready} and {@link #evidence} come before the token is chosen and
 * know nothing of it.
 */
public abstract class StepDrafter implements Drafter {
    private final String name;
    private final int vocabulary;
    private final int[] proposed = new int[Decoder.MAX_GAMMA];
    private final Law[] laws = new Law[Decoder.MAX_GAMMA];
    private int[] text = new int[64];
    private int length;
    private int settled;

    StepDrafter(String name, int vocabulary) {
        this.name = name;
        this.vocabulary = vocabulary;
    }

    /** Whether there is a guess at the position behind the text; cheap. */
    abstract boolean ready();

    /** Number of kinds of evidence. */
    abstract int kinds();

    /** Kinds of evidence that are alike and share what is known of them: so many, one after the other. */
    abstract int alike();

    /** What speaks for the guess at the position behind the text, from 0 to kinds() - 1; may read the model. */
    abstract int evidence();

    /** How sure the drafter itself is of a guess with this evidence, uncalibrated. */
    abstract double confidence(int kind);

    /**
     * The guess at the position behind the text, after {@link #ready}; the text is not changed by it. Unless
     * decoding is greedy, {@link #law} becomes the law that it is drawn from.
     */
    abstract int guess(Sampling sampling, Chance chance);

    /** What it guesses greedily. */
    final int likeliest() {
        return guess(Sampling.GREEDY, null);
    }

    /** A token was added. */
    void pushed(int token) {}

    /** The last token was taken back. */
    void popped(int token) {}

    @Override
    public final String name() {
        return name;
    }

    @Override
    public final int vocabulary() {
        return vocabulary;
    }

    /** What the drafter reads of a prompt with pictures. */
    int[] own(int[] context) {
        return Picture.left(context);
    }

    @Override
    public void begin(int[] context) {
        length = 0;
        settled = 0;
        for (int id : own(context)) push(id);
        settled = length;
    }

    @Override
    public final Proposal propose(int count, Sampling sampling, Chance chance) {
        int made = 0;
        while (made < count && ready()) {
            proposed[made] = guess(sampling, chance);
            push(proposed[made++]);
        }
        return made == 0 ? Proposal.NONE : new Proposal(proposed, laws, made);
    }

    @Override
    public final void hear(int kept, int next) {
        while (length > settled + kept) pop();
        push(next);
        settled = length;
    }

    /** The law of the position behind the text. */
    final Law law() {
        int position = length - settled;
        if (laws[position] == null) laws[position] = newLaw();
        return laws[position];
    }

    /** A law such as guesses are drawn from. */
    Law newLaw() {
        return new Law(vocabulary);
    }

    /** A token is proposed, by whomever. */
    final void push(int token) {
        if (length == text.length) text = Arrays.copyOf(text, 2 * length);
        text[length++] = token;
        pushed(token);
    }

    /** The last proposed token is taken back. */
    final void pop() {
        popped(text[--length]);
    }

    /** Final tokens and, behind them, proposed ones; the first {@link #length} are valid. */
    final int[] text() {
        return text;
    }

    final int length() {
        return length;
    }

    /** Final tokens. */
    final int settled() {
        return settled;
    }
}
