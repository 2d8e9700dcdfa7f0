package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.ClipConfig;
import dev.outrider.decode.device.Buffer;
import java.util.List;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The entrance of a CLIP tower (Radford et al., 2103.00020): pictures cut into P patches of 3·p·p values become rows
 * <pre>
 *   e = [class ; W · patches] + positions,   y = layerNorm(e)
 * </pre>
 * In [B, P + 1, 3·p·p], out [B, P + 1, C]. The first row of a picture, where the class token will be, comes as zeros, so
 * that one product makes all rows and the matrix's gradient owes that row nothing.
 */
public final class PatchEmbedding extends LayerSettings {
    static final String GAIN = "gain";
    static final String BIAS = "bias";
    static final String CLASS = "class";
    static final String PATCHES = "patches";
    static final String POSITIONS = "positions";

    private int tokens;
    private int values;
    private int channels;
    private float epsilon;

    /** For JSON. */
    public PatchEmbedding() {}

    PatchEmbedding(ClipConfig config) {
        tokens = config.patches() + 1;
        values = config.patchValues();
        channels = config.hiddenSize();
        epsilon = (float) config.layerNormEps();
    }

    @Override
    List<Parameter> parameters() {
        double deviation = 1 / Math.sqrt(channels);
        return List.of(
                Parameter.gain(GAIN, channels),
                Parameter.bias(BIAS, channels),
                Parameter.matrix(CLASS, deviation, 1, channels),
                Parameter.matrix(PATCHES, 1 / Math.sqrt(values), channels, values),
                Parameter.matrix(POSITIONS, deviation, tokens, channels));
    }

    @Override
    public InputType getOutputType(int index, InputType input) {
        return InputType.recurrent(channels);
    }

    @Override
    Run run(NeuralNetConfiguration conf, DataType type) {
        return new Run(conf, type);
    }

    /** Forward and backward. */
    static final class Run extends LayerRun<PatchEmbedding> {
        private final transient Activation y = new Activation(DataType.FLOAT);
        /** e, [R, C]. */
        private transient Scratch embedded;
        /** Class token and positions together, [P + 1, C]. */
        private transient Scratch places;

        Run(NeuralNetConfiguration conf, DataType type) {
            super(conf, type);
        }

        @Override
        void attach(StepState step) {
            super.attach(step);
            embedded = new Scratch(step.device);
            places = new Scratch(step.device);
        }

        private int picture() {
            return layerConf().tokens * layerConf().channels;
        }

        private Buffer embedded() {
            return embedded.of((long) sequences() * picture());
        }

        @Override
        public INDArray activate(boolean training, LayerWorkspaceMgr workspaces) {
            PatchEmbedding s = layerConf();
            Buffer e = embedded(), patches = HostArrays.buffer(input);
            device().linear(e, patches, parameter(PATCHES), rows(), s.values, s.channels, 0);
            device().addBias(e, places(), sequences(), picture());
            INDArray out = y.of(sequences(), time(), s.channels);
            device().layerNorm(y.buffer(), e, parameter(GAIN), parameter(BIAS), rows(), s.channels, s.epsilon);
            return out;
        }

        private Buffer places() {
            Buffer both = places.of(picture());
            device().copy(parameter(POSITIONS), both, picture());
            device().add(both, parameter(CLASS), layerConf().channels);
            return both;
        }

        @Override
        public Pair<Gradient, INDArray> backpropGradient(INDArray epsilon, LayerWorkspaceMgr workspaces) {
            PatchEmbedding s = layerConf();
            startVectors();
            if (!step().accumulate) zero(POSITIONS);
            Buffer de = step().inner.of((long) rows() * s.channels), dy = HostArrays.buffer(epsilon);
            device().zero(de, (long) rows() * s.channels);
            device().layerNormGradient(
                            de,
                            gradient(GAIN),
                            gradient(BIAS),
                            dy,
                            embedded(),
                            parameter(GAIN),
                            rows(),
                            s.channels,
                            s.epsilon);
            Buffer patches = HostArrays.buffer(input);
            device().linearWeightGradient(gradient(PATCHES), de, patches, rows(), s.values, s.channels, step().beta());
            placesGradient(de);
            return backward(null);
        }

        // The class token is added to the first row, as that row's position is: both have the same gradient.
        private void placesGradient(Buffer de) {
            device().addBiasGradient(gradient(POSITIONS), de, sequences(), picture());
            device().copy(gradient(POSITIONS), gradient(CLASS), layerConf().channels);
        }

        @Override
        void release() {
            y.close();
            for (Scratch s : new Scratch[] {embedded, places}) if (s != null) s.close();
        }
    }
}
