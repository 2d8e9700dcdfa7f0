package dev.outrider.trainer.layer;

import dev.outrider.decode.device.Buffer;
import java.util.Objects;
import org.deeplearning4j.nn.conf.graph.GraphVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.memory.MemoryReport;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.MaskState;
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
            long c = embedded.size(2);
            for (int i = 0; i < step.batch.positions(); i++) {
                if (step.ids[i] < 0) copy(from, -1 - step.ids[i], to, i, c);
            }
        }

        @Override
        public Pair<Gradient, INDArray[]> doBackward(boolean tbptt, LayerWorkspaceMgr workspaces) {
            INDArray d = gradient.of(inputs[1].shape());
            step.device.zero(gradient.buffer(), d.length());
            Buffer from = HostArrays.buffer(epsilon);
            long c = inputs[0].size(2);
            for (int i = 0; i < step.batch.positions(); i++) {
                if (step.ids[i] < 0) copy(from, i, gradient.buffer(), -1 - step.ids[i], c);
            }
            return new Pair<>(null, new INDArray[] {epsilon, d});
        }

        private void copy(Buffer from, int i, Buffer to, int j, long c) {
            step.device.copy(from.slice(i * c, c), to.slice(j * c, c), c);
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
