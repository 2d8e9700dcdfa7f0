package dev.outrider.checkpoints;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * The tokens that a draft can say: V' of the target's V, each with an id of its own, the row of the draft's
 * head. What a draft reads are always the target's ids. A smaller head is cheaper to ask and to train; the
 * text stays the target's, since a token that the draft cannot say is one that it gives probability 0.
 *
 * <p>On disk it lies beside the weights: {@code d2t} (I64 [V'], as ModelOpt and EAGLE-3 write it) holds
 * target id - draft id, {@code t2d} (BOOL [V], as Speculators write it) is true for the target's ids that are
 * in the map, and config.json has {@code draft_vocab_size}.
 */
public final class DraftVocabulary {
    static final String D2T = "d2t", T2D = "t2d";

    /** The map's tensors among a model's, which are no weights. */
    public static final Set<String> NAMES = Set.of(D2T, T2D);

    private final int[] targets;
    private final int[] drafts;

    /**
     * @param vocabulary V, the target's
     * @param targets per draft id its target id; kept in this order (ascending where there is no reason for another)
     * @throws Failure USAGE where an id is outside the target's vocabulary or comes twice, or where there is none
     */
    public DraftVocabulary(int vocabulary, int[] targets) {
        this.targets = targets.clone();
        this.drafts = new int[vocabulary];
        String problem = fill();
        if (problem == null) return;
        throw Failure.usage(
                "draft vocabulary",
                problem,
                "different ids below the target's " + vocabulary,
                "Make the map anew from the target's answers.");
    }

    /** What is wrong; null if nothing is. */
    private String fill() {
        if (targets.length == 0) return "no tokens";
        Arrays.fill(drafts, -1);
        for (int i = 0; i < targets.length; i++) {
            if (targets[i] < 0 || targets[i] >= drafts.length) return "target id " + targets[i] + " of draft id " + i;
            if (drafts[targets[i]] >= 0)
                return "target id " + targets[i] + " of draft ids " + drafts[targets[i]] + " and " + i;
            drafts[targets[i]] = i;
        }
        return null;
    }

    /** V: ids of the target, which the draft reads. */
    public int vocabulary() {
        return drafts.length;
    }

    /** V': ids of the draft, rows of its head. */
    public int size() {
        return targets.length;
    }

    /** The target's id of the draft's. */
    public int target(int draft) {
        return targets[draft];
    }

    /** The draft's id of the target's; -1 if the draft cannot say it. */
    public int draft(int target) {
        return drafts[target];
    }

    /** Per draft id its target id; a copy. */
    public int[] targets() {
        return targets.clone();
    }

    // ---- on disk --------------------------------------------------------------------------------

    /** {@code d2t} and {@code t2d}, to be written with a model's weights. */
    public List<Tensor> tensors() {
        long[] offsets =
                IntStream.range(0, size()).mapToLong(i -> targets[i] - i).toArray();
        byte[] mask = new byte[vocabulary()];
        for (int target : targets) mask[target] = 1;
        return List.of(
                new Tensor(D2T, DType.I64, new long[] {size()}, MemorySegment.ofArray(offsets)),
                new Tensor(T2D, DType.BOOL, new long[] {vocabulary()}, MemorySegment.ofArray(mask)));
    }

    /** @throws Failure DATA where the tensors are no map of the configuration, or have no id for an end token */
    static DraftVocabulary read(Weights weights, ModelConfig config) {
        Tensor offsets = weights.tensor(D2T);
        int[] targets = new int[config.outputSize()];
        for (int i = 0; i < targets.length; i++) targets[i] = target(weights, i, offsets.value(i), config.vocabSize());
        DraftVocabulary read = injective(weights, config.vocabSize(), targets);
        for (int eos : config.eosIds()) if (read.draft(eos) < 0) throw noEnd(weights.place(D2T), eos);
        if (weights.names().contains(T2D)) read.checkMask(weights);
        return read;
    }

    private static int target(Weights weights, int draft, double offset, int vocabulary) {
        double target = draft + offset;
        if (target >= 0 && target < vocabulary) return (int) target;
        throw wrong(
                weights.place(D2T) + ", element " + draft,
                "target id " + (long) target,
                "an offset to an id below " + vocabulary);
    }

    private static DraftVocabulary injective(Weights weights, int vocabulary, int[] targets) {
        try {
            return new DraftVocabulary(vocabulary, targets);
        } catch (Failure e) {
            throw wrong(weights.place(D2T), "a map that is none: " + e.getMessage(), "every target id at most once");
        }
    }

    private static Failure noEnd(String place, int eos) {
        return Failure.data(
                place,
                "no draft id for the end token " + eos,
                "all end tokens of the configuration among those that the draft can say",
                "Make the draft vocabulary anew with the end tokens in it.");
    }

    private void checkMask(Weights weights) {
        Tensor mask = weights.tensor(T2D);
        for (int target = 0; target < vocabulary(); target++) {
            if ((mask.value(target) != 0) == (drafts[target] >= 0)) continue;
            throw wrong(
                    weights.place(T2D) + ", element " + target,
                    mask.value(target) != 0 ? "true" : "false",
                    drafts[target] >= 0 ? "true, as " + D2T + " names it" : "false, as " + D2T + " does not name it");
        }
    }

    private static Failure wrong(String place, String found, String expected) {
        return Failure.data(place, found, expected, "The files are of different drafts: get all of them again.");
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof DraftVocabulary o
                && vocabulary() == o.vocabulary()
                && Arrays.equals(targets, o.targets);
    }

    @Override
    public int hashCode() {
        return Objects.hash(vocabulary(), Arrays.hashCode(targets));
    }

    @Override
    public String toString() {
        return size() + " of " + vocabulary() + " tokens";
    }
}
