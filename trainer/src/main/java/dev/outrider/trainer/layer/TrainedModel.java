package dev.outrider.trainer.layer;

import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.optimize.api.TrainingListener;

/** A Deeplearning4j graph of our layers, as an optimiser and DL4J's listeners see it. */
public interface TrainedModel {
    /**
     * A run of parameters treated alike.
     *
     * @param offset of the first element in the flattened vector
     * @param decay whether weight decay takes them: matrices yes, gains and biases no
     */
    record Group(String name, long offset, long length, boolean decay) {
        private Group and(Group next) {
            return new Group(name, offset, length + next.length, decay);
        }
    }

    ComputationGraph graph();

    Device device();

    /** All parameters, F32, in DL4J's order; valid while the graph is open. */
    default Buffer parameters() {
        return HostArrays.buffer(graph().params());
    }

    /** Their gradients, in the same order; valid after a step. */
    default Buffer gradients() {
        return HostArrays.buffer(graph().getFlattenedGradients());
    }

    /** Whether the parameters of a layer are trained, by its name. */
    default boolean trains(String layer) {
        return true;
    }

    /** What is trained of the parameters, in order, neighbours of equal decay in one group. */
    default List<Group> groups() {
        List<Group> groups = new ArrayList<>();
        for (Group next : single(this)) join(groups, next);
        return groups;
    }

    /** The gradients of what is trained, in as few pieces as it lies in. */
    default List<Buffer> trainedGradients() {
        List<Group> pieces = new ArrayList<>();
        for (Group g : groups()) join(pieces, new Group(g.name, g.offset, g.length, true));
        return pieces.stream().map(p -> gradients().slice(p.offset, p.length)).toList();
    }

    private static void join(List<Group> groups, Group next) {
        Group last = groups.isEmpty() ? null : groups.getLast();
        boolean joins = last != null && last.decay == next.decay && last.offset + last.length == next.offset;
        if (joins) groups.set(groups.size() - 1, last.and(next));
        else groups.add(next);
    }

    // In the flattened vector layers lie in the graph's topological order, which getLayers() need not have.
    private static List<Group> single(TrainedModel model) {
        long base = model.parameters().address();
        List<Group> all = new ArrayList<>();
        for (var layer : model.graph().getLayers()) {
            LayerRun<?> run = (LayerRun<?>) layer;
            String name = run.getConf().getLayer().getLayerName();
            if (!model.trains(name)) continue;
            for (Parameter p : run.layerConf().parameters()) {
                long offset = (run.parameter(p.name()).address() - base) / Float.BYTES;
                all.add(new Group(name + "." + p.name(), offset, p.elements(), p.decays()));
            }
        }
        all.sort(Comparator.comparingLong(Group::offset));
        return all;
    }

    /**
     * An optimiser step is done: counts the iteration and tells DL4J's listeners.
     *
     * @param score mean loss of the step, what DL4J's score() then says
     */
    default void iterationDone(double score) {
        ComputationGraphConfiguration c = graph().getConfiguration();
        graph().setScore(score);
        for (TrainingListener listener : graph().getListeners()) {
            listener.iterationDone(graph(), c.getIterationCount(), c.getEpochCount());
        }
        c.setIterationCount(c.getIterationCount() + 1);
    }
}
