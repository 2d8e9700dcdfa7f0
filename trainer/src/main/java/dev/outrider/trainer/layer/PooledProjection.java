package dev.outrider.trainer.layer;

import dev.outrider.decode.device.Buffer;
import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The exit of either half of a CLIP (Radford et al., 2103.00020): one row of each sequence through a norm and a matrix,
 * y = W · layerNorm(x[row]). The row is the first, a picture's class token, or a caption's last token. In [B, T, C], out
 * [B, 1, E]; the loss brings the outputs to length 1.
 *
 * <p>The half that reads captions also holds the temperature that the loss learns: {@link #SCALE}, what is added to the
 * logarithm of the first scale.
 */
public final class PooledProjection extends LayerSettings {
    static final String GAIN = "gain";
    static final String BIAS = "bias";
    static final String WEIGHT = "weight";
    static final String SCALE = "scale";

    private int channels;
    private int embedded;
    private float epsilon;
    private boolean caption;

    /** For JSON. */
    public PooledProjection() {}

    /**
     * @param channels C
     * @param embedded E
     * @param caption whether the last row is read, and the temperature held
     */
    PooledProjection(int channels, int embedded, double epsilon, boolean caption) {
        this.channels = channels;
        this.embedded = embedded;
        this.epsilon = (float) epsilon;
        this.caption = caption;
    }

    @Override
    List<Parameter> parameters() {
        return Stream.of(
                        Parameter.gain(GAIN, channels),
                        Parameter.bias(BIAS, channels),
                        caption ? Parameter.bias(SCALE, 1) : null,
                        Parameter.matrix(WEIGHT, 1 / Math.sqrt(channels), embedded, channels))
                .filter(p -> p != null)
                .toList();
    }

    @Override
    public InputType getOutputType(int index, InputType input) {
        return InputType.recurrent(embedded);
    }

    @Override
    Run run(NeuralNetConfiguration conf, DataType type) {
        return new Run(conf, type);
    }

    /** Forward and backward. */
    static final class Run extends LayerRun<PooledProjection> {
        private final transient Activation y = new Activation(DataType.FLOAT);
        private final transient Activation dx = new Activation(DataType.FLOAT);
        /** [B, C] each. */
        private transient Scratch pooled, normed, gradient;

        private transient int[] lengths = {};

        Run(NeuralNetConfiguration conf, DataType type) {
            super(conf, type);
        }

        @Override
        void attach(StepState step) {
            super.attach(step);
            pooled = new Scratch(step.device);
            normed = new Scratch(step.device);
            gradient = new Scratch(step.device);
        }

        /** Where the sequences of the next pass end, in tokens; none: all at T. */
        void lengths(int[] lengths) {
            this.lengths = lengths;
        }

        private int row(int sequence) {
            if (!layerConf().caption) return 0;
            return (lengths.length == 0 ? time() : lengths[sequence]) - 1;
        }

        @Override
        public INDArray activate(boolean training, LayerWorkspaceMgr workspaces) {
            PooledProjection s = layerConf();
            Buffer x = HostArrays.buffer(input), rows = sequences(pooled), n = sequences(normed);
            for (int i = 0; i < sequences(); i++)
                device().copy(row(x, i), rows.slice((long) i * s.channels, s.channels), s.channels);
            device().layerNorm(n, rows, parameter(GAIN), parameter(BIAS), sequences(), s.channels, s.epsilon);
            INDArray out = y.of(sequences(), 1, s.embedded);
            device().linear(y.buffer(), n, parameter(WEIGHT), sequences(), s.channels, s.embedded, 0);
            return out;
        }

        @Override
        public Pair<Gradient, INDArray> backpropGradient(INDArray epsilon, LayerWorkspaceMgr workspaces) {
            PooledProjection s = layerConf();
            startVectors();
            INDArray out = dx.of(sequences(), time(), s.channels);
            device().zero(dx.buffer(), out.length());
            Buffer rows = throughNorm(HostArrays.buffer(epsilon));
            for (int i = 0; i < sequences(); i++)
                device().copy(rows.slice((long) i * s.channels, s.channels), row(dx.buffer(), i), s.channels);
            return backward(out);
        }

        /** From the gradient of the output [B, E] to that of the rows that were read. */
        private Buffer throughNorm(Buffer d) {
            PooledProjection s = layerConf();
            int b = sequences();
            device().linearWeightGradient(
                            gradient(WEIGHT), d, sequences(normed), b, s.channels, s.embedded, step().beta());
            Buffer dn = step().product.of((long) b * s.channels), rows = sequences(gradient);
            device().linearInputGradient(dn, d, parameter(WEIGHT), b, s.channels, s.embedded, 0);
            device().zero(rows, (long) b * s.channels);
            device().layerNormGradient(
                            rows,
                            gradient(GAIN),
                            gradient(BIAS),
                            dn,
                            sequences(pooled),
                            parameter(GAIN),
                            b,
                            s.channels,
                            s.epsilon);
            return rows;
        }

        private Buffer row(Buffer of, int sequence) {
            long c = layerConf().channels;
            return of.slice(((long) sequence * time() + row(sequence)) * c, c);
        }

        private Buffer sequences(Scratch of) {
            return of.of((long) sequences() * layerConf().channels);
        }

        @Override
        void release() {
            y.close();
            dx.close();
            for (Scratch s : new Scratch[] {pooled, normed, gradient}) if (s != null) s.close();
        }
    }
}
