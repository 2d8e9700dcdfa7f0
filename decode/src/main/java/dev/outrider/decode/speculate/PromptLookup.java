package dev.outrider.decode.speculate;

import dev.outrider.checkpoints.Failure;
import java.util.Arrays;

/**
 * Guesses that the text repeats itself: finds the last place where its end stood before, and proposes what
 * followed there (prompt look-up, A. Saxena, 2023). Good at summaries, corrections and code; where nothing
 * repeats it proposes nothing, and costs nothing. Guesses are point masses.
 *
 * <p>For each length of n-gram a hash table remembers where its last occurrence ended, so that a token takes the
 * same time however long the text is.
 */
public final class PromptLookup extends StepDrafter {
    /** The longest match that is told from longer ones. */
    private static final int LONGEST_TOLD = 16;

    // Evidence: length of the match in these steps, and how many of the last eight guesses were right.
    private static final int[] LENGTHS = {2, 3, 4, 5, 8, 12, LONGEST_TOLD};
    private static final int RECENT = 8;

    private final int longest;
    private final int shortest;
    private final Places[] places;

    /** Final tokens whose n-grams are in the tables. */
    private int indexed;

    private final boolean[] outcomes = new boolean[RECENT];
    private int judged;
    private int right;

    /** Behind the final text; behind the proposed one. */
    private final Match known = new Match();

    private final Match ahead = new Match();

    /** N-grams of 4 tokens down to 1. */
    public PromptLookup(int vocabulary) {
        this(vocabulary, 4, 1);
    }

    /**
     * @param longest n-grams looked for first
     * @param shortest and last; 1 or more
     */
    public PromptLookup(int vocabulary, int longest, int shortest) {
        super("lookup", vocabulary);
        if (shortest < 1 || longest < shortest || longest > LONGEST_TOLD) {
            throw Failure.usage(
                    "prompt look-up",
                    "n-grams from " + longest + " down to " + shortest,
                    "lengths from " + LONGEST_TOLD + " down to 1, the longest first",
                    "Correct the lengths.");
        }
        this.longest = longest;
        this.shortest = shortest;
        places = new Places[longest + 1];
        for (int n = shortest; n <= longest; n++) places[n] = new Places(n);
    }

    @Override
    public long parameters() {
        return 0;
    }

    @Override
    public void begin(int[] context) {
        for (int n = shortest; n <= longest; n++) places[n].clear();
        indexed = 0;
        Arrays.fill(outcomes, false);
        judged = 0;
        right = 0;
        known.begin();
        ahead.end = -1;
        super.begin(context);
        index();
    }

    @Override
    boolean ready() {
        index();
        if (ahead.end < settled()) ahead.be(known);
        while (ahead.end < length()) ahead.advance();
        return ahead.at > 0;
    }

    @Override
    int kinds() {
        return (LENGTHS.length + 1) * (RECENT + 1);
    }

    @Override
    int alike() {
        return RECENT + 1;
    }

    @Override
    int evidence() {
        int step = 0;
        while (step < LENGTHS.length && ahead.length >= LENGTHS[step]) step++;
        // Before enough was judged, half of what is missing counts as right.
        return step * (RECENT + 1) + right + (RECENT - Math.min(judged, RECENT)) / 2;
    }

    @Override
    double confidence(int kind) {
        return (kind % (RECENT + 1) + 0.5) / (RECENT + 1);
    }

    @Override
    int guess(Sampling sampling, Chance chance) {
        int token = text()[ahead.at];
        if (!sampling.greedy()) law().point(token);
        return token;
    }

    @Override
    void popped(int token) {
        if (ahead.end > length()) ahead.end = -1;
    }

    /** Judges the guess before each new final token, and remembers the n-grams that the token follows. */
    private void index() {
        for (; indexed < settled(); indexed++) {
            if (known.at > 0) judge(text()[known.at] == text()[indexed]);
            for (int n = shortest; n <= Math.min(longest, indexed); n++) places[n].put(text(), indexed);
            known.advance();
        }
    }

    private void judge(boolean agreed) {
        int slot = judged++ % RECENT;
        right += (agreed ? 1 : 0) - (outcomes[slot] ? 1 : 0);
        outcomes[slot] = agreed;
    }

    /**
     * What follows the first {@code end} tokens should be as what followed the first {@code at} of them, the last
     * {@code length} tokens of both being the same; at = 0: they end as nothing did before. A match that goes on
     * is kept, as it is longer than what would be looked for.
     */
    private final class Match {
        private int end;
        private int at;
        private int length;

        void begin() {
            end = 0;
            at = 0;
        }

        void be(Match other) {
            end = other.end;
            at = other.at;
            length = other.length;
        }

        /** To one token more. */
        void advance() {
            boolean goesOn = at > 0 && text()[at] == text()[end];
            end++;
            if (!goesOn) {
                look();
                return;
            }
            at++;
            length = Math.min(length + 1, LONGEST_TOLD);
        }

        private void look() {
            at = 0;
            for (int n = Math.min(longest, end); n >= shortest && at == 0; n--) at = places[n].find(text(), end);
            length = 0;
            while (length < Math.min(at, LONGEST_TOLD) && text()[at - 1 - length] == text()[end - 1 - length]) length++;
        }
    }

    /** Where n-grams of one length ended last, that is the index behind them; 0: never. */
    private static final class Places {
        private final int n;
        private int[] slots = new int[64];
        private int size;

        Places(int n) {
            this.n = n;
        }

        void clear() {
            if (slots.length > 1 << 16) slots = new int[64];
            else Arrays.fill(slots, 0);
            size = 0;
        }

        int find(int[] text, int end) {
            return slots[slot(text, end)];
        }

        void put(int[] text, int end) {
            int slot = slot(text, end);
            boolean fresh = slots[slot] == 0;
            slots[slot] = end;
            if (fresh && ++size > slots.length / 2) grow(text);
        }

        private void grow(int[] text) {
            int[] old = slots;
            slots = new int[2 * old.length];
            for (int end : old) if (end > 0) slots[slot(text, end)] = end;
        }

        /** Where the n-gram before {@code end} is, or would be. */
        private int slot(int[] text, int end) {
            int hash = 0;
            for (int i = end - n; i < end; i++) hash = (hash ^ text[i]) * 0x9E3779B1;
            int slot = (hash ^ hash >>> 15) & slots.length - 1;
            while (slots[slot] > 0 && !same(text, slots[slot], end)) slot = slot + 1 & slots.length - 1;
            return slot;
        }

        private boolean same(int[] text, int a, int b) {
            return Arrays.equals(text, a - n, a, text, b - n, b);
        }
    }
}
