package dev.outrider.decode.speculate;

import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.model.CausalModel;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.speculate.Drafter.Proposal;
import java.util.Objects;

/**
 * Generates text with a target, alone or helped by a drafter, by one and the same loop: the prompt is read
 * alone and yields the first token; then in every round the drafter proposes up to γ tokens, the target
 * reads its last token and the proposal in one pass, and the {@link Verifier} keeps what the target would
 * have said itself. Without a drafter the proposals are empty.
 *
 * <p>Not safe for several threads. The target's cache is the decoder's while it generates.
 */
public final class Decoder {
    /** The longest proposal. */
    public static final int MAX_GAMMA = 16;

    private final CausalModel target;
    private final Verifier verifier;
    private final int[] block = new int[MAX_GAMMA + 1];

    /** @throws Failure USAGE for a model that can say only some of its tokens */
    public Decoder(CausalModel target) {
        requireWhole("target", target);
        this.target = target;
        verifier = new Verifier(target.vocabulary());
    }

    /** The target alone, one token a pass. */
    public Generation autoregressive(int[] prompt, Sampling sampling, Limits limits, long seed, Listener listener) {
        return generate(prompt, null, 0, sampling, limits, Chance.streams(seed, 2), listener);
    }

    /**
     * The same text under greedy decoding, and text of the same law under sampling, in fewer passes.
     *
     * @param prompt at least one token; {@link Picture#placeholder} for each picture, of those that target and drafter
     *     were shown
     * @param gamma γ, the most tokens to propose in a round, 1 to {@link #MAX_GAMMA}
     * @throws Failure USAGE if γ, the prompt or the drafter's vocabulary does not fit
     */
    public Generation speculative(
            int[] prompt, Drafter drafter, int gamma, Sampling sampling, Limits limits, long seed, Listener listener) {
        return generate(
                prompt, Objects.requireNonNull(drafter), gamma, sampling, limits, Chance.streams(seed, 2), listener);
    }

    /** streams: the target's decisions, the draft's. */
    Generation generate(
            int[] prompt,
            Drafter drafter,
            int gamma,
            Sampling sampling,
            Limits limits,
            Chance[] streams,
            Listener listener) {
        int[] read = target.own(prompt);
        check(prompt, read.length);
        if (drafter != null) check(drafter, gamma);
        // The last token need not be read.
        Transcript text = new Transcript(limits, target.capacity() - read.length + 1, listener);
        Clock clock = new Clock();
        prefill(prompt, read, drafter, sampling, streams[0], text);
        clock.prefilled();
        while (!text.ended()) round(drafter, gamma, sampling, streams[1], text, clock);
        return text.generation(clock);
    }

    private void prefill(int[] prompt, int[] read, Drafter drafter, Sampling sampling, Chance chance, Transcript text) {
        target.truncate(0);
        target.read(read, 0, read.length, 1);
        verifier.begin(Picture.left(prompt), sampling, chance);
        verifier.judge(target, Proposal.NONE);
        text.add(verifier.next(), false);
        if (drafter == null || text.ended()) return;
        drafter.begin(prompt);
        drafter.hear(0, verifier.next());
    }

    private void round(Drafter drafter, int gamma, Sampling sampling, Chance chance, Transcript text, Clock clock) {
        // The pass adds a token of its own, so one less is drafted than still wanted.
        int most = Math.min(gamma, text.wanted() - 1);
        clock.start();
        Proposal proposal = most == 0 ? Proposal.NONE : drafter.propose(most, sampling, chance);
        clock.drafted();
        int kept = verify(text.last(), proposal);
        clock.verified();
        text.add(proposal, kept, verifier.next());
        clock.start();
        if (drafter != null && !text.ended()) drafter.hear(kept, verifier.next());
        clock.drafted();
    }

    /** One target pass; its cache then ends with the last accepted token. */
    private int verify(int last, Proposal proposal) {
        int before = target.length();
        int rows = proposal.count() + 1;
        block[0] = last;
        System.arraycopy(proposal.tokens(), 0, block, 1, proposal.count());
        target.read(block, 0, rows, rows);
        verifier.judge(target, proposal);
        target.truncate(before + 1 + verifier.accepted());
        return verifier.accepted();
    }

    private void check(int[] prompt, int rows) {
        if (Picture.in(prompt) && !target.sees()) {
            throw Failure.usage(
                    "prompt",
                    "a picture",
                    "words alone: the target cannot see",
                    "Give a target with a tower and a projector, or leave the pictures out.");
        }
        if (prompt.length == 0) {
            throw Failure.usage("prompt", "no tokens", "at least one", "Begin the text with the BOS token.");
        }
        if (rows > target.capacity()) {
            throw Failure.usage(
                    "prompt",
                    rows + " tokens",
                    "at most " + target.capacity() + ", the room in the target's cache",
                    "Shorten the prompt, or open the model with a larger context.");
        }
    }

    /** @throws Failure USAGE unless γ is from 1 to {@link #MAX_GAMMA} */
    public static void requireGamma(int gamma) {
        if (gamma >= 1 && gamma <= MAX_GAMMA) return;
        throw Failure.usage("gamma", "" + gamma, "1 to " + MAX_GAMMA, "Correct the draft length.");
    }

    /** @throws Failure USAGE if the model can say only some of the tokens that it reads */
    public static void requireWhole(String place, CausalModel target) {
        if (target.outputs().isEmpty()) return;
        throw Failure.usage(
                place,
                "a model that can say " + target.outputs().get(),
                "one that can say all of them",
                "A draft with a pruned vocabulary cannot be a target: give the model it was made for.");
    }

    private void check(Drafter drafter, int gamma) {
        requireGamma(gamma);
        if (drafter.vocabulary() != target.vocabulary()) {
            throw Failure.usage(
                    "draft " + drafter.name(),
                    "a vocabulary of " + drafter.vocabulary() + " tokens",
                    "the target's " + target.vocabulary(),
                    "Draft and target must share one tokenizer: take a draft trained for this target.");
        }
    }
}
