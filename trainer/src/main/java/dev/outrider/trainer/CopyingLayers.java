package dev.outrider.trainer;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.model.HeadRoles;
import dev.outrider.decode.model.HeadRoles.Head;
import dev.outrider.decode.model.LlamaWeights;
import dev.outrider.trainer.layer.LayerCut;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * Which layers of a target make a draft that repeats what it has read: its first and its last, and between them those with
 * which the cut, untrained, attends most to what followed the same token before ({@link HeadRoles}), summed over all
 * heads. Layers looked at are those of the target's best heads of both kinds; all of their combinations are tried, each
 * in one pass over some random tokens, so this takes seconds.
 *
 * <p>Why it matters: training makes anew what a cut lost, but induction heads form late. Of SmolLM2's 30 layers
 * 0, 1, 28 and 29 have none and learnt in 800 steps what 0, 1, 16, 17, 18 and 29 learnt in 100 (docs/smollm2.md).
 *
 * @param layers ascending
 * @param repeats what the cut's heads attend so, in sum; with the whole target's to compare
 */
public record CopyingLayers(List<Integer> layers, double repeats, double whole) {
    /** Layers of each kind that combinations are made of; more where more are wanted. */
    private static final int EACH = 4;

    /** Texts that a cut is measured on. */
    private static final int TEXTS = 2;

    /** @param count layers wanted, 2 or more; at most as many as the target has */
    public static CopyingLayers of(Device device, Checkpoint target, int count) {
        List<Head> heads = heads(device, target, LayerCut.first(target.config().layers()));
        int last = target.config().layers() - 1;
        List<Integer> candidates = candidates(heads, last, count - 2);
        CopyingLayers best = null;
        for (List<Integer> inner : combinations(candidates, count - 2)) {
            List<Integer> layers = new ArrayList<>(inner);
            layers.addFirst(0);
            layers.addLast(last);
            double repeats = repeats(heads(device, target, layers));
            if (best == null || repeats > best.repeats) best = new CopyingLayers(layers, repeats, repeats(heads));
        }
        return best;
    }

    /** The best of both kinds between the first layer and the last, ascending; at least so many. */
    private static List<Integer> candidates(List<Head> heads, int last, int least) {
        TreeSet<Integer> candidates = new TreeSet<>();
        for (int each = EACH; each == EACH || candidates.size() < least && each <= last; each++) {
            candidates.addAll(best(heads, Head::previous, each));
            candidates.addAll(best(heads, Head::repeats, each));
            candidates.removeAll(List.of(0, last));
        }
        return List.copyOf(candidates);
    }

    private static List<Head> heads(Device device, Checkpoint target, List<Integer> layers) {
        LayerCut cut = new LayerCut(target, layers);
        try (LlamaWeights weights = LlamaWeights.of(device, cut.config(), Optional.empty(), cut::tensor)) {
            return IntStream.range(0, TEXTS)
                    .mapToObj(seed -> HeadRoles.of(device, weights, seed))
                    .flatMap(List::stream)
                    .toList();
        }
    }

    private static double repeats(List<Head> heads) {
        return heads.stream().mapToDouble(Head::repeats).sum() / TEXTS;
    }

    /** The layers of the heads that do something most. */
    private static List<Integer> best(List<Head> heads, ToDoubleFunction<Head> role, int most) {
        return heads.stream()
                .sorted(Comparator.comparingDouble(role).reversed())
                .map(Head::layer)
                .distinct()
                .limit(most)
                .toList();
    }

    /** All choices of so many, each in order. */
    private static List<List<Integer>> combinations(List<Integer> of, int count) {
        if (count == 0) return List.of(List.of());
        List<List<Integer>> all = new ArrayList<>();
        for (int first = 0; first <= of.size() - count; first++) {
            for (List<Integer> rest : combinations(of.subList(first + 1, of.size()), count - 1)) {
                List<Integer> one = new ArrayList<>(rest);
                one.addFirst(of.get(first));
                all.add(Collections.unmodifiableList(one));
            }
        }
        return all;
    }
}
