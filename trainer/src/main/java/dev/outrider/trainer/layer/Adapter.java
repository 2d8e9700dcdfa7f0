package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Gelu;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.decode.device.Buffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A projector in training (LLaVA-1.5: 2310.03744): what is read of a tower's features, [M, N, towerWidth], to the language
 * model's width, [M, N, C], by matrices with GELU between two. M pictures of N rows; R = M·N. A micro-batch without
 * pictures has one all the same, which nobody reads.
 */
public final class Adapter extends LayerSettings {
    private int towerWidth;
    private int channels;
    private int matrices;
    private boolean bias;
    private Gelu activation = Gelu.EXACT;

    /** For JSON. */
    public Adapter() {}

    Adapter(VisionConfig config) {
        towerWidth = config.towerWidth();
        channels = config.width();
        matrices = config.matrices();
        bias = config.bias();
        activation = config.activation();
    }

    /** Name of matrix {@code i}, from 1. (DL4J cuts a graph's parameters' names at their last underscore.) */
    static String weight(int i) {
        return "weight" + i;
    }

    /** Name of its bias. */
    static String bias(int i) {
        return "bias" + i;
    }

    /** As checkpoints name a parameter of this layer. */
    static String stored(String name) {
        return name.replaceFirst("^(weight|bias)(\\d+)$", "linear_$2.$1");
    }

    private int in(int i) {
        return i == 1 ? towerWidth : channels;
    }

    @Override
    List<Parameter> parameters() {
        Stream<Parameter> biases =
                IntStream.rangeClosed(1, bias ? matrices : 0).mapToObj(i -> Parameter.bias(bias(i), channels));
        Stream<Parameter> weights = IntStream.rangeClosed(1, matrices)
                .mapToObj(i -> Parameter.matrix(weight(i), deviation(i), channels, in(i)));
        return Stream.concat(biases, weights).toList();
    }

    // That of PyTorch's nn.Linear, from which LLaVA's projectors begin.
    private double deviation(int i) {
        return 1 / Math.sqrt(3.0 * in(i));
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
    static final class Run extends LayerRun<Adapter> {
        private final transient Activation y = new Activation(DataType.FLOAT);
        /** By matrix but the last, [R, C]: before and after the activation. */
        private final transient List<Scratch> before = new ArrayList<>(), after = new ArrayList<>();
        /** [R, C] */
        private transient Scratch gradient;

        Run(NeuralNetConfiguration conf, DataType type) {
            super(conf, type);
        }

        @Override
        void attach(StepState step) {
            super.attach(step);
            gradient = new Scratch(step.device);
            for (int i = 1; i < layerConf().matrices; i++) {
                before.add(new Scratch(step.device));
                after.add(new Scratch(step.device));
            }
        }

        /** Views of the parameters' memory, or of their gradients', under checkpoints' names. */
        List<Tensor> tensors(Function<String, Buffer> memory) {
            return layerConf().parameters().stream()
                    .map(p -> new Tensor(
                            stored(p.name()), DType.F32, p.shape(), HostArrays.memory(memory.apply(p.name()))))
                    .toList();
        }

        /** The values that a new model of this seed has. */
        void fill(long seed) {
            for (Parameter p : layerConf().parameters()) {
                String layer = layerConf().getLayerName();
                FirstValues.fill(p, parameter(p.name()), FirstValues.mix(seed, layer, p.name()));
            }
        }

        private boolean blind() {
            return step().pictures == 0;
        }

        private Buffer held(Scratch scratch) {
            return scratch.of((long) rows() * layerConf().channels);
        }

        /** What matrix {@code i} reads. */
        private Buffer input(int i) {
            return i == 1 ? HostArrays.buffer(input) : held(after.get(i - 2));
        }

        @Override
        public INDArray activate(boolean training, LayerWorkspaceMgr workspaces) {
            Adapter s = layerConf();
            INDArray out = y.of(sequences(), time(), s.channels);
            if (blind()) return out;
            for (int i = 1; i <= s.matrices; i++) {
                boolean last = i == s.matrices;
                Buffer to = last ? y.buffer() : held(before.get(i - 1));
                device().linear(to, input(i), parameter(weight(i)), rows(), s.in(i), s.channels, 0);
                if (s.bias) device().addBias(to, parameter(bias(i)), rows(), s.channels);
                if (!last) device().gelu(s.activation, held(after.get(i - 1)), to, (long) rows() * s.channels);
            }
            return out;
        }

        @Override
        public Pair<Gradient, INDArray> backpropGradient(INDArray epsilon, LayerWorkspaceMgr workspaces) {
            startVectors();
            if (!blind()) matricesBackward(HostArrays.buffer(epsilon));
            else if (!step().accumulate) zeroMatrices();
            return backward(null);
        }

        private void matricesBackward(Buffer dy) {
            Adapter s = layerConf();
            Buffer d = dy;
            for (int i = s.matrices; i >= 1; i--) {
                Buffer dw = gradient(weight(i));
                device().linearWeightGradient(dw, d, input(i), rows(), s.in(i), s.channels, step().beta());
                if (s.bias) device().addBiasGradient(gradient(bias(i)), d, rows(), s.channels);
                if (i == 1) return;
                d = throughActivation(d, i);
            }
        }

        /** The gradient of what matrix {@code i} gave, d, to that of what the one before it gave. */
        private Buffer throughActivation(Buffer d, int i) {
            Adapter s = layerConf();
            // The gradient's own memory may be d: then it goes through what is not needed any more.
            Buffer to = held(gradient), from = d;
            if (d.address() == to.address()) {
                from = held(after.get(i - 1));
                device().copy(d, from, (long) rows() * s.channels);
            }
            device().linearInputGradient(to, from, parameter(weight(i)), rows(), s.channels, s.channels, 0);
            device().geluGradient(s.activation, to, to, held(before.get(i - 2)), (long) rows() * s.channels);
            return to;
        }

        private void zeroMatrices() {
            for (int i = 1; i <= layerConf().matrices; i++) zero(weight(i));
        }

        @Override
        void release() {
            y.close();
            if (gradient != null) gradient.close();
            before.forEach(Scratch::close);
            after.forEach(Scratch::close);
        }
    }
}
