package dev.outrider.decode.speculate;

import dev.outrider.decode.speculate.Generation.Pass;
import java.util.Arrays;

/**
 * How many drafted tokens the target accepted, by position in the proposal (from 1). Positions behind the
 * end of a text were never judged and do not count.
 */
public final class Acceptance {
    /** {@link #joint}. */
    public static final String JOINT =
            "joint acceptance at position i = passes that accepted at least i tokens / passes that drafted at least i;"
                    + " positions behind the end of a text are left out.";

    /** {@link #conditional}. */
    public static final String CONDITIONAL = "conditional acceptance at position i = passes that accepted at least i"
            + " tokens / passes that drafted at least i and accepted at least i - 1; positions behind the end of a"
            + " text are left out.";

    // By position: passes that drafted it, of them those that came to judge it, of them those that accepted it.
    private final long[] drafted = new long[Decoder.MAX_GAMMA + 1];
    private final long[] judged = new long[Decoder.MAX_GAMMA + 1];
    private final long[] accepted = new long[Decoder.MAX_GAMMA + 1];

    Acceptance() {}

    void add(Pass pass) {
        for (int i = 1; i <= pass.reached(); i++) {
            drafted[i]++;
            if (pass.accepted() >= i - 1) judged[i]++;
            if (pass.accepted() >= i) accepted[i]++;
        }
    }

    /** The last position that was ever drafted; 0 if none. */
    public int positions() {
        int last = Decoder.MAX_GAMMA;
        while (last > 0 && drafted[last] == 0) last--;
        return last;
    }

    /** {@value #JOINT} */
    public double joint(int position) {
        return (double) accepted[position] / drafted[position];
    }

    /** {@value #CONDITIONAL} */
    public double conditional(int position) {
        return (double) accepted[position] / judged[position];
    }

    /** Accepted tokens of all. */
    long accepted() {
        return Arrays.stream(accepted).sum();
    }
}
