package dev.outrider.decode.speculate;

import dev.outrider.decode.speculate.Drafter.Proposal;
import dev.outrider.decode.speculate.Generation.Finish;
import dev.outrider.decode.speculate.Generation.Pass;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A text being generated: its tokens, its passes, and whether it has ended, by EOS, stop string or length. */
final class Transcript {
    private final Limits limits;
    private final Listener listener;
    private final FinalText text;
    private final int most;
    private final List<Pass> passes = new ArrayList<>();
    private int[] tokens;
    private boolean[] drafted;
    private int count;
    private Finish finish;

    /** room: the most tokens that the target's cache allows. */
    Transcript(Limits limits, int room, Listener listener) {
        this.limits = limits;
        this.listener = listener;
        most = Math.min(limits.maxTokens(), room);
        tokens = new int[Math.min(most, 64)];
        drafted = new boolean[tokens.length];
        text = limits.tokenizer()
                .map(tokenizer -> new FinalText(tokenizer, limits.stops(), listener))
                .orElse(null);
    }

    boolean ended() {
        return finish != null;
    }

    /** Tokens so far. */
    int count() {
        return count;
    }

    /** Tokens that may still come. */
    int wanted() {
        return most - count;
    }

    int last() {
        return tokens[count - 1];
    }

    /** One pass: the first {@code kept} proposed tokens and then the target's own, up to where the text ends. */
    void add(Proposal proposal, int kept, int next) {
        int added = 0;
        while (added < kept && !ended()) add(proposal.tokens()[added++], true);
        passes.add(new Pass(proposal.count(), added, ended()));
        if (!ended()) add(next, false);
    }

    void add(int token, boolean guessed) {
        if (count == tokens.length) {
            int longer = Math.min(most, 2 * count);
            tokens = Arrays.copyOf(tokens, longer);
            drafted = Arrays.copyOf(drafted, longer);
        }
        drafted[count] = guessed;
        tokens[count++] = token;
        listener.token(token, guessed);
        finish = finish(token, guessed);
        if (ended() && text != null) text.end(finish == Finish.STOP);
    }

    private Finish finish(int token, boolean guessed) {
        if (limits.eosIds().contains(token)) return Finish.EOS;
        if (text != null && text.add(token, guessed)) return Finish.STOP;
        return count == most ? Finish.LENGTH : null;
    }

    int[] tokens() {
        return Arrays.copyOf(tokens, count);
    }

    /** Null until the text has ended. */
    Finish finish() {
        return finish;
    }

    /** Empty without a tokenizer. */
    String text() {
        return text == null ? "" : text.toString();
    }

    Generation generation(Clock clock) {
        return new Generation(
                tokens(), Arrays.copyOf(drafted, count), finish, text(), List.copyOf(passes), clock.times());
    }
}
