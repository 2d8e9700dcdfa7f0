package dev.outrider.trainer;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.LlamaWeights;
import dev.outrider.trainer.layer.LayerCut;
import dev.outrider.trainer.layer.LlamaGraph;
import dev.outrider.trainer.loss.Distillation;
import dev.outrider.trainer.loss.ForwardKl;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;

/**
 * Which layers of a target make the best draft to start from: those whose cut has the lowest KL(target ‖ cut)
 * on given rows before any training. Greedy: one layer more at a time, the one that helps most, then single
 * exchanges as long as one helps. For 2 of 30 layers that is about a hundred forward passes of a 2-layer model; the
 * target reads the rows once.
 *
 * @param layers ascending
 * @param divergence of their cut, nats per counted position
 */
public record LayerChoice(List<Integer> layers, double divergence) {
    /**
     * @param count layers wanted
     * @param rows on which the cuts are compared; a few hundred counted positions of the target's own answers
     *     are enough
     * @param heard every cut that was measured, as it is
     */
    public static LayerChoice of(
            Checkpoint target, int count, CpuDevice device, Batch rows, Consumer<LayerChoice> heard) {
        try (LlamaWeights weights = LlamaWeights.load(device, target);
                Teacher teacher = new Once(new TargetTeacher(new Llama(device, weights, rows.time()), device));
                Distillation loss = new Distillation(device, teacher, new ForwardKl(), 1)) {
            LayerChoice best = new LayerChoice(List.of(), Double.POSITIVE_INFINITY);
            for (int i = 0; i < count; i++) best = new Search(target, device, rows, loss, heard).add(best);
            return best;
        }
    }

    private LayerChoice better(LayerChoice other) {
        return other.divergence < divergence ? other : this;
    }

    /** Cuts of one depth. */
    private record Search(
            Checkpoint target, CpuDevice device, Batch rows, Distillation loss, Consumer<LayerChoice> heard) {
        /** One layer more, and exchanges. */
        LayerChoice add(LayerChoice to) {
            try (LlamaGraph graph =
                    LlamaGraph.from(new LayerCut(target, LayerCut.first(to.layers.size() + 1)), device)) {
                LayerChoice best = with(graph, to.layers, none());
                for (boolean changed = best.layers.size() > 1; changed; ) {
                    LayerChoice next = exchange(graph, best);
                    changed = next != best;
                    best = next;
                }
                return best;
            }
        }

        private static LayerChoice none() {
            return new LayerChoice(List.of(), Double.POSITIVE_INFINITY);
        }

        private LayerChoice exchange(LlamaGraph graph, LayerChoice from) {
            LayerChoice best = from;
            for (Integer layer : from.layers) {
                List<Integer> others = new ArrayList<>(from.layers);
                others.remove(layer);
                best = with(graph, others, best);
            }
            return best;
        }

        /** The best of {@code best} and all cuts of {@code layers} with one more. */
        private LayerChoice with(LlamaGraph graph, List<Integer> layers, LayerChoice best) {
            for (int l = 0; l < target.config().layers(); l++) {
                if (layers.contains(l)) continue;
                List<Integer> more = new ArrayList<>(layers);
                more.add(l);
                Collections.sort(more);
                if (!more.equals(best.layers)) best = best.better(measure(graph, more));
            }
            return best;
        }

        private LayerChoice measure(LlamaGraph graph, List<Integer> layers) {
            graph.loadLayers(new LayerCut(target, layers));
            double sum = graph.evaluate(rows, loss);
            LayerChoice found = new LayerChoice(List.copyOf(layers), sum / Math.max(1, rows.count()));
            heard.accept(found);
            return found;
        }
    }

    /** A teacher that is always asked about the same rows. */
    private static final class Once implements Teacher {
        private final Teacher teacher;
        private boolean begun;

        Once(Teacher teacher) {
            this.teacher = teacher;
        }

        @Override
        public int vocabulary() {
            return teacher.vocabulary();
        }

        @Override
        public void begin(Batch batch) {
            if (!begun) teacher.begin(batch);
            begun = true;
        }

        @Override
        public void logits(int first, int rows, Buffer logits) {
            teacher.logits(first, rows, logits);
        }

        @Override
        public void close() {
            teacher.close();
        }
    }
}
