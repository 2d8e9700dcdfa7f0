package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.ClipConfig;
import dev.outrider.checkpoints.Gelu;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.List;
import java.util.function.Function;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * One block of a CLIP tower (Radford et al., 2103.00020; as transformers' CLIPEncoderLayer):
 * <pre>
 *   h = x + Wo · attention(Wqkv · layerNorm(x)),   every row sees every row
 *   y = h + Wdown · gelu(Wup · layerNorm(h))
 * </pre>
 * all matrices with bias; q, k, v are fused, [3C, C]. Kept for the gradient: x (the layer before holds it), qkv, the
 * attention's output and log sums, h, and what goes into the gelu. The incoming gradient is turned into the outgoing one
 * in place.
 */
public final class TowerBlock extends LayerSettings {
    static final String ATTENTION_GAIN = "attentionGain";
    static final String ATTENTION_BIAS = "attentionBias";
    static final String QKV = "qkv";
    static final String QKV_BIAS = "qkvBias";
    static final String OUT = "out";
    static final String OUT_BIAS = "outBias";
    static final String MLP_GAIN = "mlpGain";
    static final String MLP_BIAS = "mlpBias";
    static final String UP = "up";
    static final String UP_BIAS = "upBias";
    static final String DOWN = "down";
    static final String DOWN_BIAS = "downBias";

    private int channels;
    private int width;
    private int heads;
    private float epsilon;
    private Gelu activation;
    private int layers;

    /** For JSON. */
    public TowerBlock() {}

    TowerBlock(ClipConfig config) {
        channels = config.hiddenSize();
        width = config.intermediateSize();
        heads = config.heads();
        epsilon = (float) config.layerNormEps();
        activation = config.activation();
        layers = config.layers();
    }

    @Override
    List<Parameter> parameters() {
        // CLIP's: 1/√C, and 1/√(2 layers) of it for what writes to the residual stream.
        double in = 1 / Math.sqrt(channels), back = in / Math.sqrt(2.0 * layers), up = in / Math.sqrt(2);
        return List.of(
                Parameter.gain(ATTENTION_GAIN, channels),
                Parameter.bias(ATTENTION_BIAS, channels),
                Parameter.bias(QKV_BIAS, 3L * channels),
                Parameter.bias(OUT_BIAS, channels),
                Parameter.gain(MLP_GAIN, channels),
                Parameter.bias(MLP_BIAS, channels),
                Parameter.bias(UP_BIAS, width),
                Parameter.bias(DOWN_BIAS, channels),
                Parameter.matrix(QKV, in, 3L * channels, channels),
                Parameter.matrix(OUT, back, channels, channels),
                Parameter.matrix(UP, up, width, channels),
                Parameter.matrix(DOWN, back, channels, width));
    }

    @Override
    Run run(NeuralNetConfiguration conf, DataType type) {
        return new Run(conf, type);
    }

    /** What follows a norm: its gain and bias, and the matrix behind it with its own bias. */
    private record Reading(Buffer gain, Buffer shift, Buffer matrix, Buffer bias) {}

    /** The block's arrays, as parameters or as gradients. */
    private record Arrays(Reading attention, Buffer out, Buffer outBias, Reading mlp, Buffer down, Buffer downBias) {
        static Arrays of(Function<String, Buffer> named) {
            return new Arrays(
                    reading(named, ATTENTION_GAIN, ATTENTION_BIAS, QKV, QKV_BIAS),
                    named.apply(OUT),
                    named.apply(OUT_BIAS),
                    reading(named, MLP_GAIN, MLP_BIAS, UP, UP_BIAS),
                    named.apply(DOWN),
                    named.apply(DOWN_BIAS));
        }

        private static Reading reading(
                Function<String, Buffer> named, String gain, String shift, String matrix, String bias) {
            return new Reading(named.apply(gain), named.apply(shift), named.apply(matrix), named.apply(bias));
        }
    }

    /** Forward and backward. */
    static final class Run extends LayerRun<TowerBlock> {
        private final transient Activation y = new Activation(DataType.FLOAT);
        private transient Arrays p;
        private transient Arrays g;
        /** [R, 3C], [R, C], [B, H, T], [R, C], [R, I]. */
        private transient Scratch qkv, attended, logSum, h, up;

        Run(NeuralNetConfiguration conf, DataType type) {
            super(conf, type);
        }

        @Override
        void attach(StepState step) {
            super.attach(step);
            p = Arrays.of(this::parameter);
            g = Arrays.of(this::gradient);
            qkv = new Scratch(step.device);
            attended = new Scratch(step.device);
            logSum = new Scratch(step.device);
            h = new Scratch(step.device);
            up = new Scratch(step.device);
        }

        // ---- forward ----------------------------------------------------------------------------

        @Override
        public INDArray activate(boolean training, LayerWorkspaceMgr workspaces) {
            INDArray out = y.of(sequences(), time(), layerConf().channels);
            attentionForward(HostArrays.buffer(input));
            mlpForward(y.buffer());
            return out;
        }

        private void attentionForward(Buffer x) {
            TowerBlock s = layerConf();
            Buffer fused = rows(qkv, 3 * s.channels), seen = rows(attended, s.channels);
            read(fused, x, p.attention, 3 * s.channels);
            device().selfAttention(
                            seen,
                            rows(logSum, s.heads),
                            fused,
                            sequences(),
                            time(),
                            s.heads,
                            s.heads,
                            headDim(),
                            false);
            residual(rows(h, s.channels), x, seen, p.out, p.outBias, s.channels);
        }

        private void mlpForward(Buffer out) {
            TowerBlock s = layerConf();
            Buffer middle = rows(h, s.channels);
            read(rows(up, s.width), middle, p.mlp, s.width);
            residual(out, middle, activated(), p.down, p.downBias, s.width);
        }

        /** to [R, out] = matrix · layerNorm(x) + bias. */
        private void read(Buffer to, Buffer x, Reading by, int out) {
            device().linear(to, norm(x, by), by.matrix, rows(), layerConf().channels, out, 0);
            device().addBias(to, by.bias, rows(), out);
        }

        private Buffer norm(Buffer x, Reading by) {
            TowerBlock s = layerConf();
            Buffer n = rows(step().normed, s.channels);
            device().layerNorm(n, x, by.gain, by.shift, rows(), s.channels, s.epsilon);
            return n;
        }

        /** to = x + w · from + bias. */
        private void residual(Buffer to, Buffer x, Buffer from, Buffer w, Buffer bias, int in) {
            int c = layerConf().channels;
            device().copy(x, to, (long) rows() * c);
            device().linear(to, from, w, rows(), in, c, 1);
            device().addBias(to, bias, rows(), c);
        }

        private Buffer activated() {
            TowerBlock s = layerConf();
            Buffer a = rows(step().product, Math.max(s.width, s.channels));
            device().gelu(s.activation, a, rows(up, s.width), (long) rows() * s.width);
            return a;
        }

        // ---- backward ---------------------------------------------------------------------------

        @Override
        public Pair<Gradient, INDArray> backpropGradient(INDArray epsilon, LayerWorkspaceMgr workspaces) {
            startVectors();
            Buffer d = HostArrays.buffer(epsilon);
            mlpBackward(d);
            attentionBackward(d, HostArrays.buffer(input));
            return backward(epsilon);
        }

        /** d: from the gradient of y to that of h. */
        private void mlpBackward(Buffer d) {
            TowerBlock s = layerConf();
            weightGradient(g.down, g.downBias, d, activated(), s.channels, s.width);
            Buffer dUp = rows(step().inner, Math.max(s.width, s.channels));
            device().linearInputGradient(dUp, d, p.down, rows(), s.width, s.channels, 0);
            device().geluGradient(s.activation, dUp, dUp, rows(up, s.width), (long) rows() * s.width);
            readBackward(d, dUp, rows(h, s.channels), p.mlp, g.mlp, s.width);
        }

        /** d: from the gradient of h to that of x. */
        private void attentionBackward(Buffer d, Buffer x) {
            TowerBlock s = layerConf();
            Device device = device();
            Buffer seen = rows(attended, s.channels), fused = rows(qkv, 3 * s.channels);
            weightGradient(g.out, g.outBias, d, seen, s.channels, s.channels);
            Buffer dSeen = rows(step().inner, Math.max(s.width, s.channels));
            Buffer dFused = rows(step().wide, 3 * s.channels), logs = rows(logSum, s.heads);
            device.linearInputGradient(dSeen, d, p.out, rows(), s.channels, s.channels, 0);
            device.selfAttentionGradient(
                    dFused, dSeen, seen, logs, fused, sequences(), time(), s.heads, s.heads, headDim(), false);
            readBackward(d, dFused, x, p.attention, g.attention, 3 * s.channels);
        }

        /** d += the gradient dOut [R, out] taken through the matrix and the norm of x. */
        private void readBackward(Buffer d, Buffer dOut, Buffer x, Reading by, Reading gradients, int out) {
            TowerBlock s = layerConf();
            weightGradient(gradients.matrix, gradients.bias, dOut, norm(x, by), out, s.channels);
            Buffer dn = rows(step().product, Math.max(s.width, s.channels));
            device().linearInputGradient(dn, dOut, by.matrix, rows(), s.channels, out, 0);
            device().layerNormGradient(
                            d, gradients.gain, gradients.shift, dn, x, by.gain, rows(), s.channels, s.epsilon);
        }

        private void weightGradient(Buffer dw, Buffer db, Buffer dy, Buffer x, int out, int in) {
            device().linearWeightGradient(dw, dy, x, rows(), in, out, step().beta());
            device().addBiasGradient(db, dy, rows(), out);
        }

        // ---- memory -----------------------------------------------------------------------------

        private int headDim() {
            return layerConf().channels / layerConf().heads;
        }

        private Buffer rows(Scratch of, int width) {
            return of.of((long) rows() * width);
        }

        @Override
        void release() {
            y.close();
            for (Scratch s : new Scratch[] {qkv, attended, logSum, h, up}) if (s != null) s.close();
        }
    }
}
