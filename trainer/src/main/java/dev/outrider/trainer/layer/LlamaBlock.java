package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * One transformer block of LLaMA (Touvron et al., 2302.13971):
 * <pre>
 *   h = x + Wo · attention(rope(Wqkv · norm(x)))
 *   y = h + Wdown · (silu(gate) * up),   [gate | up] = Wgu · norm(h)
 * </pre>
 * q, k, v and gate, up are fused: [(H+2G)·D, C] and [2I, C]. Kept for the gradient: x (the layer before
 * holds it), qkv, the attention's output and log sums, h, gate and up; norms and the SwiGLU's product are
 * computed again. The incoming gradient is turned into the outgoing one in place.
 */
public final class LlamaBlock extends LayerSettings {
    static final String ATTENTION_GAIN = "attentionGain";
    static final String QKV = "qkv";
    static final String QKV_BIAS = "qkvBias";
    static final String OUT = "out";
    static final String OUT_BIAS = "outBias";
    static final String MLP_GAIN = "mlpGain";
    static final String GATE_UP = "gateUp";
    static final String GATE_UP_BIAS = "gateUpBias";
    static final String DOWN = "down";
    static final String DOWN_BIAS = "downBias";

    private int channels;
    private int width;
    private int heads;
    private int kvHeads;
    private int headDim;
    private float epsilon;
    private boolean attentionBias;
    private boolean mlpBias;
    private double outDeviation;
    private int block;
    private double[] frequencies;

    /** For JSON. */
    public LlamaBlock() {}

    /** @param block its number, from 0 */
    LlamaBlock(ModelConfig config, int block) {
        this.block = block;
        channels = config.hiddenSize();
        width = config.intermediateSize();
        heads = config.heads();
        kvHeads = config.kvHeads();
        headDim = config.headDim();
        epsilon = (float) config.rmsNormEps();
        attentionBias = config.attentionBias();
        mlpBias = config.mlpBias();
        outDeviation = LlamaGraph.DEVIATION / Math.sqrt(2.0 * config.layers());
        frequencies = config.inverseFrequencies();
    }

    /** Width of the fused rows, (H+2G)·D. */
    int fused() {
        return (heads + 2 * kvHeads) * headDim;
    }

    /** Width of the attention's output, H·D. */
    int attended() {
        return heads * headDim;
    }

    @Override
    List<Parameter> parameters() {
        double deviation = LlamaGraph.DEVIATION;
        return Stream.of(
                        Parameter.gain(ATTENTION_GAIN, channels),
                        Parameter.gain(MLP_GAIN, channels),
                        attentionBias ? Parameter.bias(QKV_BIAS, fused()) : null,
                        attentionBias ? Parameter.bias(OUT_BIAS, channels) : null,
                        mlpBias ? Parameter.bias(GATE_UP_BIAS, 2L * width) : null,
                        mlpBias ? Parameter.bias(DOWN_BIAS, channels) : null,
                        Parameter.matrix(QKV, deviation, fused(), channels),
                        Parameter.matrix(OUT, outDeviation, channels, attended()),
                        Parameter.matrix(GATE_UP, deviation, 2L * width, channels),
                        Parameter.matrix(DOWN, outDeviation, channels, width))
                .filter(p -> p != null)
                .toList();
    }

    @Override
    Run run(NeuralNetConfiguration conf, DataType type) {
        return new Run(conf, type);
    }

    /** The block's arrays, as parameters or as gradients; absent biases are null. */
    private record Arrays(
            Buffer attentionGain,
            Buffer qkv,
            Buffer qkvBias,
            Buffer out,
            Buffer outBias,
            Buffer mlpGain,
            Buffer gateUp,
            Buffer gateUpBias,
            Buffer down,
            Buffer downBias) {
        static Arrays of(Function<String, Buffer> named) {
            return new Arrays(
                    named.apply(ATTENTION_GAIN),
                    named.apply(QKV),
                    named.apply(QKV_BIAS),
                    named.apply(OUT),
                    named.apply(OUT_BIAS),
                    named.apply(MLP_GAIN),
                    named.apply(GATE_UP),
                    named.apply(GATE_UP_BIAS),
                    named.apply(DOWN),
                    named.apply(DOWN_BIAS));
        }
    }

    /** Forward and backward. */
    static final class Run extends LayerRun<LlamaBlock> {
        private final transient Activation y = new Activation(DataType.FLOAT);
        private transient Arrays p;
        private transient Arrays g;
        private transient Scratch qkv;
        private transient Scratch attended;
        private transient Scratch logSum;
        private transient Scratch h;
        private transient Scratch gateUp;

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
            gateUp = new Scratch(step.device);
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
            LlamaBlock s = layerConf();
            Buffer fused = qkv(), seen = attended();
            linear(fused, norm(x, p.attentionGain), p.qkv, p.qkvBias, s.channels, s.fused());
            rotate(fused, false);
            device().selfAttention(seen, logSum(), fused, sequences(), time(), s.heads, s.kvHeads, s.headDim, true);
            residual(h(), x, seen, p.out, p.outBias, s.attended(), attentionPlace());
        }

        private void mlpForward(Buffer out) {
            LlamaBlock s = layerConf();
            Buffer both = gateUp();
            linear(both, norm(h(), p.mlpGain), p.gateUp, p.gateUpBias, s.channels, 2 * s.width);
            residual(out, h(), product(), p.down, p.downBias, s.width, mlpPlace());
        }

        private Buffer norm(Buffer x, Buffer gain) {
            LlamaBlock s = layerConf();
            Buffer n = step().normed.of((long) rows() * s.channels);
            device().rmsNorm(n, x, gain, rows(), s.channels, s.epsilon);
            return n;
        }

        private void linear(Buffer to, Buffer x, Buffer w, Buffer bias, int in, int out) {
            device().linear(to, x, w, rows(), in, out, 0);
            if (bias != null) device().addBias(to, bias, rows(), out);
        }

        /** to = x + dropout(w · from + bias). */
        private void residual(Buffer to, Buffer x, Buffer from, Buffer w, Buffer bias, int in, int place) {
            int c = layerConf().channels;
            long n = (long) rows() * c;
            boolean drops = step().dropout > 0;
            if (!drops) device().copy(x, to, n);
            device().linear(to, from, w, rows(), in, c, drops ? 0 : 1);
            if (bias != null) device().addBias(to, bias, rows(), c);
            if (!drops) return;
            step().drop(to, n, place);
            device().add(to, x, n);
        }

        // Place 0 is the embedding's.
        private int attentionPlace() {
            return 2 * layerConf().block + 1;
        }

        private int mlpPlace() {
            return 2 * layerConf().block + 2;
        }

        /** The gradient d of what is added to the residual stream, let through where dropout let its value. */
        private Buffer dropped(Buffer d, int place) {
            if (step().dropout == 0) return d;
            long n = (long) rows() * layerConf().channels;
            Buffer let = step().normed.of(n);
            device().copy(d, let, n);
            step().drop(let, n, place);
            return let;
        }

        /** Queries and keys lie side by side: one call turns both. */
        private void rotate(Buffer fused, boolean inverse) {
            LlamaBlock s = layerConf();
            RotaryAngles rotary = step().rotary();
            Buffer table = rotary.table(s.frequencies, time());
            int turned = s.heads + s.kvHeads, stride = s.fused();
            device().rope(fused, rows(), stride, turned, s.headDim, table, rotary.positions(), 0, time(), inverse);
        }

        private Buffer product() {
            LlamaBlock s = layerConf();
            Buffer product = step().product.of((long) rows() * Math.max(s.width, s.channels));
            device().swiglu(product, gateUp(), up(gateUp()), rows(), 2 * s.width, s.width);
            return product;
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
            LlamaBlock s = layerConf();
            Device device = device();
            Buffer dAdded = dropped(d, mlpPlace());
            if (!step().frozen) weightGradient(g.down, g.downBias, dAdded, product(), s.channels, s.width);
            Buffer dProduct = inner();
            device.linearInputGradient(dProduct, dAdded, p.down, rows(), s.width, s.channels, 0);
            Buffer dBoth = wide(), both = gateUp();
            device.swigluGradient(dBoth, up(dBoth), dProduct, both, up(both), rows(), 2 * s.width, s.width);
            throughNorm(d, dBoth, h(), p.mlpGain, g.mlpGain, p.gateUp, g.gateUp, g.gateUpBias, 2 * s.width);
        }

        /** d: from the gradient of h to that of x. */
        private void attentionBackward(Buffer d, Buffer x) {
            LlamaBlock s = layerConf();
            Device device = device();
            Buffer dAdded = dropped(d, attentionPlace());
            if (!step().frozen) weightGradient(g.out, g.outBias, dAdded, attended(), s.channels, s.attended());
            Buffer dSeen = inner(), dFused = wide();
            device.linearInputGradient(dSeen, dAdded, p.out, rows(), s.attended(), s.channels, 0);
            device.selfAttentionGradient(
                    dFused,
                    dSeen,
                    attended(),
                    logSum(),
                    qkv(),
                    sequences(),
                    time(),
                    s.heads,
                    s.kvHeads,
                    s.headDim,
                    true);
            rotate(dFused, true);
            throughNorm(d, dFused, x, p.attentionGain, g.attentionGain, p.qkv, g.qkv, g.qkvBias, s.fused());
        }

        /** d += the gradient dOut [R, out] taken through w and the norm of x. */
        private void throughNorm(
                Buffer d, Buffer dOut, Buffer x, Buffer gain, Buffer dGain, Buffer w, Buffer dw, Buffer db, int out) {
            LlamaBlock s = layerConf();
            if (!step().frozen) weightGradient(dw, db, dOut, norm(x, gain), out, s.channels);
            Buffer dn = step().product.of((long) rows() * Math.max(s.width, s.channels));
            device().linearInputGradient(dn, dOut, w, rows(), s.channels, out, 0);
            device().rmsNormGradient(d, dGain, dn, x, gain, rows(), s.channels, s.epsilon);
        }

        private void weightGradient(Buffer dw, Buffer db, Buffer dy, Buffer x, int out, int in) {
            device().linearWeightGradient(dw, dy, x, rows(), in, out, step().beta());
            if (db != null) device().addBiasGradient(db, dy, rows(), out);
        }

        // ---- memory -----------------------------------------------------------------------------

        private Buffer qkv() {
            return qkv.of((long) rows() * layerConf().fused());
        }

        private Buffer attended() {
            return attended.of((long) rows() * layerConf().attended());
        }

        private Buffer logSum() {
            return logSum.of((long) rows() * layerConf().heads);
        }

        private Buffer h() {
            return h.of((long) rows() * layerConf().channels);
        }

        private Buffer gateUp() {
            return gateUp.of(2L * rows() * layerConf().width);
        }

        private Buffer up(Buffer both) {
            int width = layerConf().width;
            return both.slice(width, both.elements() - width);
        }

        private Buffer wide() {
            return step().wide
                    .of((long) rows()
                            * Math.max(2 * layerConf().width, layerConf().fused()));
        }

        private Buffer inner() {
            return step().inner
                    .of((long) rows() * Math.max(layerConf().width, layerConf().attended()));
        }

        @Override
        void release() {
            y.close();
            for (Scratch s : new Scratch[] {qkv, attended, logSum, h, gateUp}) if (s != null) s.close();
        }
    }
}
