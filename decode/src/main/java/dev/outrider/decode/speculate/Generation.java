package dev.outrider.decode.speculate;

import java.util.List;

/**
 * A finished text and how it came about. The pass that read the prompt yielded the first token and is not
 * among the passes.
 *
 * @param tokens generated ids, an ending EOS included
 * @param drafted for every token whether the draft had guessed it; else it is the target's own
 * @param finish why it ended
 * @param text the tokens' text without EOS, cut before a stop string; empty without a tokenizer
 * @param passes one for each target pass after the prompt's, in order
 * @param times where the time went
 */
public record Generation(int[] tokens, boolean[] drafted, Finish finish, String text, List<Pass> passes, Times times) {

    /** Why a generation ended. */
    public enum Finish {
        /** An end-of-text token. */
        EOS,
        /** A stop string. */
        STOP,
        /** The most tokens allowed, or the room in the target's cache. */
        LENGTH
    }

    /**
     * One target pass. It yields accepted + 1 tokens, or accepted ones where the text ended among them.
     *
     * @param drafted tokens proposed
     * @param accepted tokens of them in the text
     * @param cut the text ended within the accepted ones: the rest of the proposal was not judged
     */
    public record Pass(int drafted, int accepted, boolean cut) {
        /** Drafted tokens that were judged, or would have been but for a rejection before them. */
        int reached() {
            return cut ? accepted : drafted;
        }
    }

    /**
     * Nanoseconds.
     *
     * @param prefill target and draft read the prompt, and the first token
     * @param draft proposing, and bringing the draft up to date
     * @param verify the target's passes and their judgement
     * @param total everything
     */
    public record Times(long prefill, long draft, long verify, long total) {
        /** All but the prompt. */
        public long decode() {
            return total - prefill;
        }

        /** Neither model: book-keeping, text, listeners. */
        public long rest() {
            return total - prefill - draft - verify;
        }
    }
}
