package dev.outrider.trainer;

import java.util.Arrays;
import java.util.Optional;

/**
 * One micro-batch: B sequences of T tokens, row-major.
 *
 * @param labels the token each position should predict, -1 where there is none
 * @param counted 1 where the position takes part in the loss
 * @param laws the target's, where they were stored with the tokens
 */
public record Batch(int sequences, int time, int[] tokens, int[] labels, byte[] counted, Optional<BatchLaws> laws) {
    public Batch {
        int n = sequences * time;
        if (tokens.length != n || labels.length != n || counted.length != n) {
            throw new IllegalArgumentException("arrays must hold " + n + " = " + sequences + " x " + time);
        }
        if (laws.isPresent() && laws.get().ids().length != n * laws.get().k()) {
            throw new IllegalArgumentException(laws.get().ids().length + " entries of laws for " + n + " tokens");
        }
    }

    /** Without the target's laws. */
    public Batch(int sequences, int time, int[] tokens, int[] labels, byte[] counted) {
        this(sequences, time, tokens, labels, counted, Optional.empty());
    }

    /** The same with the target's laws of its tokens. */
    public Batch with(BatchLaws laws) {
        return new Batch(sequences, time, tokens, labels, counted, Optional.of(laws));
    }

    /**
     * Every position predicts the next token of its sequence.
     *
     * @param supervised per token: 1 where the token is to be learnt; position t counts if token t+1 is
     */
    public static Batch nextToken(int sequences, int time, int[] tokens, byte[] supervised) {
        int[] labels = new int[tokens.length];
        byte[] counted = new byte[tokens.length];
        for (int i = 0; i < tokens.length; i++) {
            boolean last = i % time == time - 1;
            labels[i] = last ? -1 : tokens[i + 1];
            counted[i] = last ? 0 : supervised[i + 1];
        }
        return new Batch(sequences, time, tokens, labels, counted);
    }

    public int positions() {
        return sequences * time;
    }

    /** Sequences from .. to - 1. */
    public Batch part(int from, int to) {
        int i = from * time, j = to * time;
        return new Batch(
                to - from,
                time,
                Arrays.copyOfRange(tokens, i, j),
                Arrays.copyOfRange(labels, i, j),
                Arrays.copyOfRange(counted, i, j),
                laws.map(all -> all.part(i, j)));
    }

    /** Positions that take part in the loss. */
    public long count() {
        long n = 0;
        for (byte c : counted) n += c;
        return n;
    }
}
