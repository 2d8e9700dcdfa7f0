package dev.outrider.trainer.layer;

import dev.outrider.decode.device.Buffer;
import java.util.Objects;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.MaskState;
import org.deeplearning4j.nn.conf.graph.GraphVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.memory.MemoryReport;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.graph.vertex.BaseGraphVertex;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Puts an adapter's rows, [M, N, C], where the embedding, [B, T, C], has ids below 0: {@code -1 - i} is row i of all M·N. In the
 * embedding's memory, which has nothing there.
 */
public final class PictureRows extends GraphVertex {
    @Override
    public GraphVertex clone() {
        return new PictureRows();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof PictureRows;
    }

    @Override
    public int hashCode() {
        return Objects.hash(PictureRows.class);
    }

    @Override
    public long numParams(boolean backprop) {
        return 0;
    }

    @Override
    public int minVertexInputs() {
        return 2;
    }

    @Override
    public int maxVertexInputs() {
        return 2;
    }

    @Override
    public Run instantiate(
            ComputationGraph graph, String name, int index, INDArray parameters, boolean initialise, DataType type) {
        return new Run(graph, name, index, type);
    }

    @Override
    public InputType getOutputType(int index, InputType... inputs) {
        return inputs[0];
    }

    @Override
    public MemoryReport getMemoryReport(InputType... inputs) {
        return null;
    }

    /** Forward and backward. */
    @SuppressWarnings("overrides") // DL4J's base class takes an array where its interface takes varargs.
    static final class Run extends BaseGraphVertex {
        private final transient Activation gradient = new Activation(DataType.FLOAT);
        private transient StepState step;

        Run(ComputationGraph graph, String name, int index, DataType type) {
            super(graph, name, index, null, null, type);
        }

        void attach(StepState step) {
            this.step = step;
        }

        @Override
        public INDArray doForward(boolean training, LayerWorkspaceMgr workspaces) {
            put(inputs[0], inputs[1]);
            return inputs[0];
        }

        /** Writes rows into the embedding's output. */
        void put(INDArray embedded, INDArray rows) {
            if (step.pictures == 0) return;
            Buffer to = HostArrays.buffer(embedded), from = HostArrays.buffer(rows);
            int positions = positions(embedded);
            long c = embedded.size(2);
            for (int i = picture(0, positions); i < positions; ) {
                int end = end(i, positions);
                Buffer some = rows(from, -1 - step.ids[i], end - i, c);
                step.device.copy(some, rows(to, i, end - i, c), (end - i) * c);
                i = picture(end, positions);
            }
        }

        private static int positions(INDArray embedded) {
            return (int) (embedded.size(0) * embedded.size(1));
        }

        /** The first position from one on that is a picture's row. */
        private int picture(int from, int positions) {
            int i = from;
            while (i < positions && step.ids[i] >= 0) i++;
            return i;
        }

        /** Behind the last of the rows that follow one another from a position on. */
        private int end(int from, int positions) {
            int end = from + 1;
            while (end < positions && step.ids[end] == step.ids[end - 1] - 1) end++;
            return end;
        }

        private static Buffer rows(Buffer of, long first, long count, long c) {
            return of.slice(first * c, count * c);
        }

        @Override
        public Pair<Gradient, INDArray[]> doBackward(boolean tbptt, LayerWorkspaceMgr workspaces) {
            INDArray d = gradient.of(inputs[1].shape());
            step.device.zero(gradient.buffer(), d.length());
            take(HostArrays.buffer(epsilon), gradient.buffer(), positions(inputs[0]), inputs[0].size(2));
            return new Pair<>(null, new INDArray[] {epsilon, d});
        }

        /** Adds the gradient of each picture's row to it; a text may show a picture twice. */
        private void take(Buffer from, Buffer to, int positions, long c) {
            for (int i = picture(0, positions); i < positions; ) {
                int end = end(i, positions);
                Buffer some = rows(to, -1 - step.ids[i], end - i, c);
                step.device.add(some, rows(from, i, end - i, c), (end - i) * c);
                i = picture(end, positions);
            }
        }

        void release() {
            gradient.close();
        }

        @Override
        public boolean hasLayer() {
            return false;
        }

        @Override
        public Layer getLayer() {
            return null;
        }

        @Override
        public void setBackpropGradientsViewArray(INDArray view) {
            if (view != null) throw new IllegalArgumentException("a vertex without parameters");
        }

        @Override
        public Pair<INDArray, MaskState> feedForwardMaskArrays(INDArray[] masks, MaskState state, int size) {
            return null;
        }

        @Override
        public String toString() {
            return "PictureRows";
        }
    }
}
