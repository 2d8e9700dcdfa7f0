package dev.outrider.decode.speculate;

import dev.outrider.decode.speculate.Drafter.Proposal;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * Judges a drafter by answers that a target gave before, without the target: what is recorded takes the place of
 * its argmax, and every pass is the one that {@link Decoder} would have made under greedy decoding, seed 0. So passes, τ
 * and acceptance are exact where the answers are the target's own greedy ones, and times say only what the
 * drafting took.
 */
public final class Replay {
    // Of the decoder's streams, that of the drafter; ignored under greedy decoding by all but hostile ones.
    private static final int STREAMS = 2, DRAFT = 1;

    private final int gamma;
    private final Set<Integer> eosIds;
    private final int maxTokens;

    /**
     * @param gamma γ, the most tokens to propose in a round
     * @param eosIds ids that end a text
     * @param maxTokens the limit under which answers were recorded; no answer is longer. One that ends earlier,
     *     without EOS, is taken to have had its own length as limit
     */
    public Replay(int gamma, Set<Integer> eosIds, int maxTokens) {
        Decoder.requireGamma(gamma);
        this.gamma = gamma;
        this.eosIds = Set.copyOf(eosIds);
        this.maxTokens = maxTokens;
    }

    /** What the drafter would have brought over these answers. */
    public Tally tally(Drafter drafter, Iterable<Recorded> answers) {
        Tally tally = new Tally();
        for (Recorded answer : answers) tally.add(generation(drafter, answer));
        return tally;
    }

    /** As {@link #tally}, of several replays; an answer is done with all of them before the next one. */
    public static List<Tally> tallies(List<Replay> replays, Drafter drafter, Iterable<Recorded> answers) {
        List<Tally> tallies = replays.stream().map(r -> new Tally()).toList();
        for (Recorded answer : answers) {
            for (int i = 0; i < tallies.size(); i++) {
                tallies.get(i).add(replays.get(i).generation(drafter, answer));
            }
        }
        return tallies;
    }

    /** How the drafter would have helped with this answer. */
    public Generation generation(Drafter drafter, Recorded recorded) {
        Transcript text = new Transcript(limits(recorded.answer()), Integer.MAX_VALUE, Listener.NONE);
        Clock clock = new Clock();
        text.add(recorded.answer()[0], false);
        if (!text.ended()) {
            drafter.begin(recorded.prompt());
            drafter.hear(0, recorded.answer()[0]);
        }
        clock.prefilled();
        Chance chance = Chance.streams(0, STREAMS)[DRAFT];
        while (!text.ended()) round(drafter, recorded.answer(), text, clock, chance);
        return text.generation(clock);
    }

    private Limits limits(int[] answer) {
        boolean whole = eosIds.contains(answer[answer.length - 1]);
        return new Limits(whole ? Math.max(maxTokens, answer.length) : answer.length, eosIds);
    }

    private void round(Drafter drafter, int[] answer, Transcript text, Clock clock, Chance chance) {
        int most = Math.min(gamma, text.wanted() - 1);
        clock.start();
        Proposal proposal = most == 0 ? Proposal.NONE : drafter.propose(most, Sampling.GREEDY, chance);
        clock.drafted();
        int at = text.count();
        int kept = kept(proposal, answer, at);
        // Behind an EOS nothing is recorded; the transcript ends before it would be asked for.
        int next = answer[Math.min(at + kept, answer.length - 1)];
        text.add(proposal, kept, next);
        clock.start();
        if (!text.ended()) drafter.hear(kept, next);
        clock.drafted();
    }

    private static int kept(Proposal proposal, int[] answer, int at) {
        int same = Arrays.mismatch(proposal.tokens(), 0, proposal.count(), answer, at, answer.length);
        return same < 0 ? proposal.count() : same;
    }
}
