package dev.outrider.trainer;

/**
 * One micro-batch: B sequences of T tokens, row-major.
 *
 * @param labels the token each position should predict, -1 where there is none
 * @param counted 1 where the position takes part in the loss
 */
public record Batch(int sequences, int time, int[] tokens, int[] labels, byte[] counted) {
    public Batch {
        int n = sequences * time;
        if (tokens.length != n || labels.length != n || counted.length != n) {
            throw new IllegalArgumentException("arrays must hold " + n + " = " + sequences + " x " + time);
        }
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

    /** Positions that take part in the loss. */
    public long count() {
        long n = 0;
        for (byte c : counted) n += c;
        return n;
    }
}
