package dev.outrider.trainer;

import java.util.Arrays;

/**
 * What the target thought of a batch's tokens when it wrote them: per token the k likeliest ids at
 * temperature 1 with their log-probabilities; what is left to 1 is the tail's.
 *
 * @param k entries per token
 * @param ids [B·T, k]: entries i·k .. i·k+k-1 are the law that token i came from, which position i - 1
 *     predicts; id -1 where there are no more, none at all where the first is -1
 * @param logs [B·T, k], nats
 */
public record BatchLaws(int k, int[] ids, float[] logs) {
    public BatchLaws {
        if (ids.length != logs.length || k < 1 || ids.length % k != 0) {
            throw new IllegalArgumentException(ids.length + " ids, " + logs.length + " logs of " + k + " each");
        }
    }

    /** Of tokens from .. to - 1. */
    BatchLaws part(int from, int to) {
        return new BatchLaws(k, Arrays.copyOfRange(ids, from * k, to * k), Arrays.copyOfRange(logs, from * k, to * k));
    }

    /** Of {@code length} tokens from each of some tokens on. */
    BatchLaws runs(int[] from, int length) {
        int[] someIds = new int[from.length * length * k];
        float[] someLogs = new float[someIds.length];
        for (int s = 0; s < from.length; s++) {
            System.arraycopy(ids, from[s] * k, someIds, s * length * k, length * k);
            System.arraycopy(logs, from[s] * k, someLogs, s * length * k, length * k);
        }
        return new BatchLaws(k, someIds, someLogs);
    }
}
