package dev.outrider.trainer;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.LlamaWeights;
import dev.outrider.trainer.layer.LayerCut;
import dev.outrider.trainer.layer.LlamaGraph;
import dev.outrider.trainer.loss.Distillation;
import dev.outrider.trainer.loss.ForwardKl;
import dev.outrider.trainer.optim.AdamW;
import dev.outrider.trainer.optim.Clip;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Which layers of a target make the best draft to start from: those whose cut has the lowest KL(target ‖ cut)
 * on held-out rows after a few steps of training. Greedy: one layer more at a time, the one that helps most, then
 * single exchanges as long as one helps. For 2 of 30 layers that is about ninety cuts; the target reads the
 * rows once.
 *
 * <p>Some steps are needed where much is cut away: 2 of SmolLM2's 30 layers, untrained, are no nearer to it
 * than the uniform law is (11.3 nats for the best pair, ln V = 10.8), so their order says little.
 *
 * @param layers ascending
 * @param divergence of their cut, nats per counted position
 */
public record LayerChoice(List<Integer> layers, double divergence) {
    /**
     * @param count layers wanted
     * @param outputs tokens that the draft is to say; empty: all
     * @param steps of training by KL before a cut is measured; 0 measures it as it is
     * @param rate their learning rate
     */
    public record Settings(int count, Optional<DraftVocabulary> outputs, int steps, double rate) {}

    private static final LayerChoice NONE = new LayerChoice(List.of(), Double.POSITIVE_INFINITY);

    /**
     * @param learnt rows that every cut is trained on, all of them in every step
     * @param held rows on which the cuts are compared; a few hundred counted positions of the target's own
     *     answers are enough
     * @param heard every cut that was measured, as it is
     */
    public static LayerChoice of(
            Checkpoint target,
            Settings settings,
            CpuDevice device,
            Batch learnt,
            Batch held,
            Consumer<LayerChoice> heard) {
        try (LlamaWeights weights = LlamaWeights.load(device, target);
                Lesson training = new Lesson(device, weights, settings.outputs(), learnt);
                Lesson test = new Lesson(device, weights, settings.outputs(), held)) {
            Search search = new Search(target, settings, device, training, test, heard, new HashMap<>());
            LayerChoice best = NONE;
            for (int i = 0; i < settings.count(); i++) best = search.deeper(best);
            return best;
        }
    }

    private LayerChoice better(LayerChoice other) {
        return other.divergence < divergence ? other : this;
    }

    private record Search(
            Checkpoint target,
            Settings settings,
            CpuDevice device,
            Lesson training,
            Lesson test,
            Consumer<LayerChoice> heard,
            Map<List<Integer>, LayerChoice> measured) {
        /** One layer more, and exchanges. */
        LayerChoice deeper(LayerChoice from) {
            LayerChoice best = with(from.layers, NONE), last = NONE;
            while (best.layers.size() > 1 && best != last) {
                last = best;
                best = exchange(best);
            }
            return best;
        }

        private LayerChoice exchange(LayerChoice from) {
            LayerChoice best = from;
            for (Integer layer : from.layers) {
                List<Integer> others = new ArrayList<>(from.layers);
                others.remove(layer);
                best = with(others, best);
            }
            return best;
        }

        /** The best of {@code best} and all cuts of {@code layers} with one more. */
        private LayerChoice with(List<Integer> layers, LayerChoice best) {
            for (int l = 0; l < target.config().layers(); l++) {
                if (layers.contains(l)) continue;
                List<Integer> more = new ArrayList<>(layers);
                more.add(l);
                Collections.sort(more);
                if (!more.equals(best.layers)) best = best.better(measured.computeIfAbsent(more, this::measure));
            }
            return best;
        }

        private LayerChoice measure(List<Integer> layers) {
            try (LlamaGraph graph = LlamaGraph.from(new LayerCut(target, layers, settings.outputs()), device)) {
                training.teach(graph, settings.steps(), settings.rate());
                LayerChoice found = new LayerChoice(List.copyOf(layers), test.divergence(graph));
                heard.accept(found);
                return found;
            }
        }
    }

    /** Rows, and what the target thinks of them. */
    private static final class Lesson implements AutoCloseable {
        private final Batch rows;
        private final Once teacher;
        private final Distillation loss;

        Lesson(CpuDevice device, LlamaWeights target, Optional<DraftVocabulary> outputs, Batch rows) {
            this.rows = rows;
            teacher = new Once(new TargetTeacher(new Llama(device, target, rows.time()), device));
            loss = new Distillation(device, teacher, new ForwardKl(), 1, outputs);
        }

        void teach(LlamaGraph graph, int steps, double rate) {
            try (AdamW optimizer = new AdamW(graph, 0.9, 0.95, 1e-8, 0)) {
                for (int step = 0; step < steps; step++) {
                    graph.zeroGradients();
                    loss.beginStep(step);
                    graph.step(rows, loss, 1.0 / Math.max(1, loss.count(rows)));
                    optimizer.update(rate, Clip.factor(optimizer.norm(), 1), step + 1);
                }
            }
        }

        double divergence(LlamaGraph graph) {
            return graph.evaluate(rows, loss) / Math.max(1, loss.count(rows));
        }

        @Override
        public void close() {
            loss.close();
            teacher.close();
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
