package dev.outrider.trainer;

import dev.outrider.decode.model.Picture;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * One micro-batch: B sequences of T tokens, row-major.
 *
 * @param labels the token each position should predict, -1 where there is none
 * @param counted 1 where the position takes part in the loss
 * @param tokens what the draft reads; below 0 for rows of pictures
 * @param laws the target's, where they were stored with the tokens
 * @param pictures of the tokens, and the texts that they are from, where there are any
 */
public record Batch(
        int sequences,
        int time,
        int[] tokens,
        int[] labels,
        byte[] counted,
        Optional<BatchLaws> laws,
        Optional<BatchPictures> pictures) {
    /** What a pass costs beside its tokens, in tokens: the weights are read, and their gradients read and written. */
    private static final int PASS = 64;

    /** Lengths of passes are multiples of this, where they are not the whole. */
    private static final int ROUND = 16;

    public Batch {
        int n = sequences * time;
        if (tokens.length != n || labels.length != n || counted.length != n) {
            throw new IllegalArgumentException("arrays must hold " + n + " = " + sequences + " x " + time);
        }
        if (laws.isPresent() && laws.get().ids().length != n * laws.get().k()) {
            throw new IllegalArgumentException(laws.get().ids().length + " entries of laws for " + n + " tokens");
        }
        if (pictures.isPresent() && pictures.get().texts().size() != sequences) {
            throw new IllegalArgumentException(pictures.get().texts().size() + " texts of " + sequences);
        }
    }

    /** Without the target's laws, and without pictures. */
    public Batch(int sequences, int time, int[] tokens, int[] labels, byte[] counted) {
        this(sequences, time, tokens, labels, counted, Optional.empty(), Optional.empty());
    }

    /** The same with the target's laws of its tokens. */
    public Batch with(BatchLaws laws) {
        return new Batch(sequences, time, tokens, labels, counted, Optional.of(laws), pictures);
    }

    /** The same with its tokens' pictures. */
    public Batch with(BatchPictures pictures) {
        return new Batch(sequences, time, tokens, labels, counted, laws, Optional.of(pictures));
    }

    /** The pictures whose rows are among a sequence's tokens, those between them too: what an adapter reads for it. */
    public List<Picture> shown(int sequence) {
        int from = sequence * time;
        return pictures.map(all -> all.shown(sequence, tokens, from, from + time))
                .orElse(List.of());
    }

    /**
     * Every position predicts the next token of its sequence, unless that is a picture's row.
     *
     * @param supervised per token: 1 where the token is to be learnt; position t counts if token t+1 is
     */
    public static Batch nextToken(int sequences, int time, int[] tokens, byte[] supervised) {
        int[] labels = new int[tokens.length];
        byte[] counted = new byte[tokens.length];
        for (int i = 0; i < tokens.length; i++) {
            boolean last = i % time == time - 1;
            labels[i] = last ? -1 : Math.max(-1, tokens[i + 1]);
            counted[i] = last ? 0 : supervised[i + 1];
        }
        return new Batch(sequences, time, tokens, labels, counted);
    }

    public int positions() {
        return sequences * time;
    }

    /** Tokens of a sequence that matter to the loss: up to what its last counted position predicts; 0 if none counts. */
    int needed(int sequence) {
        int t = time - 1;
        while (t >= 0 && counted[sequence * time + t] == 0) t--;
        return t < 0 ? 0 : Math.min(time, t + 2);
    }

    /** Tokens of all sequences that matter to the loss. */
    long needed() {
        long sum = 0;
        for (int s = 0; s < sequences; s++) sum += needed(s);
        return sum;
    }

    /**
     * The batch in passes, each cut to what its longest sequence needs: what follows the last counted position changes
     * neither loss nor gradient. Sequences of like length share a pass, so that the passes together take least, a pass
     * being worth {@value #PASS} tokens. A sequence of which nothing counts is left out, unless all are such.
     *
     * @param most sequences of a pass
     */
    public List<Batch> passes(int most) {
        int[] order = IntStream.range(0, sequences)
                .filter(s -> needed(s) > 0)
                .boxed()
                .sorted(Comparator.comparingInt(s -> -needed(s)))
                .mapToInt(Integer::intValue)
                .toArray();
        if (order.length == 0) return List.of(part(0, 1));
        List<Batch> passes = new ArrayList<>();
        int[] begins = cheapest(order, most);
        for (int end = order.length; end > 0; end = begins[end]) {
            passes.addFirst(cut(Arrays.copyOfRange(order, begins[end], end), length(order[begins[end]])));
        }
        return passes;
    }

    /** By n, of the first n sequences, longest first: where the last of the passes begins that take least. */
    private int[] cheapest(int[] order, int most) {
        long[] cost = new long[order.length + 1];
        int[] begins = new int[cost.length];
        for (int end = 1; end < cost.length; end++) {
            cost[end] = Long.MAX_VALUE;
            for (int from = Math.max(0, end - most); from < end; from++) {
                long with = cost[from] + PASS + (long) (end - from) * length(order[from]);
                if (with >= cost[end]) continue;
                cost[end] = with;
                begins[end] = from;
            }
        }
        return begins;
    }

    private int length(int sequence) {
        return Math.min(time, (needed(sequence) + ROUND - 1) / ROUND * ROUND);
    }

    /** Some sequences' first {@code length} tokens. */
    private Batch cut(int[] chosen, int length) {
        int[] from = Arrays.stream(chosen).map(s -> s * time).toArray();
        byte[] counts = new byte[from.length * length];
        for (int s = 0; s < from.length; s++) System.arraycopy(counted, from[s], counts, s * length, length);
        return new Batch(
                from.length,
                length,
                runs(tokens, from, length),
                runs(labels, from, length),
                counts,
                laws.map(all -> all.runs(from, length)),
                pictures.map(all -> all.cut(chosen, length)));
    }

    private static int[] runs(int[] of, int[] from, int length) {
        int[] all = new int[from.length * length];
        for (int s = 0; s < from.length; s++) System.arraycopy(of, from[s], all, s * length, length);
        return all;
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
                laws.map(all -> all.part(i, j)),
                pictures.map(all -> all.part(from, to)));
    }

    /** Positions that take part in the loss. */
    public long count() {
        long n = 0;
        for (byte c : counted) n += c;
        return n;
    }
}
