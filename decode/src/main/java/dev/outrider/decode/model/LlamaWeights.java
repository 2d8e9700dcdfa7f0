package dev.outrider.decode.model;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The weights of a LlamaForCausalLM where a device can read them; several {@link Llama}s may share them. On
 * the cpu they lie in the checkpoint's mapped files where they need no conversion, so the checkpoint must
 * stay open as long.
 */
public final class LlamaWeights implements AutoCloseable {
    /** The tensors of one layer. */
    record Layer(
            Buffer inputNorm,
            Linear.Several queryKeyValue,
            Linear output,
            Buffer mlpNorm,
            Linear.Several gateUp,
            Linear down) {
        Linear up() {
            return gateUp.each().getLast();
        }

        Stream<Linear> matrices() {
            return Stream.of(queryKeyValue.each(), gateUp.each(), List.of(output, down))
                    .flatMap(List::stream);
        }
    }

    private final HeldTensors tensors;
    private final ModelConfig config;
    final Optional<DraftVocabulary> outputs;
    final Buffer embedding;
    final List<Layer> layers;
    final Buffer norm;
    final Linear head;

    private LlamaWeights(ModelConfig config, Optional<DraftVocabulary> outputs, HeldTensors tensors) {
        this.config = config;
        this.outputs = outputs;
        this.tensors = tensors;
        int v = config.outputSize(), c = config.hiddenSize();
        this.embedding = tensors.held("model.embed_tokens.weight");
        this.layers = IntStream.range(0, config.layers()).mapToObj(this::layer).toList();
        this.norm = tensors.held("model.norm.weight");
        this.head = tensors.linear(config.tiedEmbeddings() ? "model.embed_tokens" : "lm_head", c, v, false);
    }

    /**
     * Holds every tensor. That they are all there, have their shapes and that none is left over was checked
     * when the checkpoint was opened.
     */
    public static LlamaWeights load(Device device, Checkpoint checkpoint) {
        return load(device, checkpoint, WeightType.STORED);
    }

    /**
     * As {@link #load(Device, Checkpoint)}, the matrices in a type of choice.
     *
     * @throws dev.outrider.checkpoints.Failure (data) naming the tensor whose values INT8 cannot hold
     */
    public static LlamaWeights load(Device device, Checkpoint checkpoint, WeightType type) {
        return of(device, checkpoint.config(), checkpoint.outputs(), checkpoint::tensor, type);
    }

    /**
     * Holds tensors that somebody else has in memory, a model in training say. On the cpu native F32 and BF16
     * stay where they are, so a pass reads what was last written there.
     *
     * @param tensors all of the configuration's, by their Hugging Face names
     */
    public static LlamaWeights of(
            Device device, ModelConfig config, Optional<DraftVocabulary> outputs, Function<String, Tensor> tensors) {
        return of(device, config, outputs, tensors, WeightType.STORED);
    }

    private static LlamaWeights of(
            Device device,
            ModelConfig config,
            Optional<DraftVocabulary> outputs,
            Function<String, Tensor> tensors,
            WeightType type) {
        HeldTensors held = new HeldTensors(device, tensors, type);
        try {
            return new LlamaWeights(config, outputs, held);
        } catch (RuntimeException e) {
            held.close();
            throw e;
        }
    }

    public ModelConfig config() {
        return config;
    }

    /** The final norm's gain [C]. */
    public Buffer norm() {
        return norm;
    }

    /** The output matrix [V, C], [V', C] where only some tokens can be said; the embedding itself when tied. */
    public Buffer head() {
        return head.weight();
    }

    /** Of each layer, the matrix [I, C] that SwiGLU multiplies with. */
    public List<Buffer> up() {
        return layers.stream().map(layer -> layer.up().weight()).toList();
    }

    /** Bytes that a pass reads of the matrices and of a cache of so many tokens, however few its rows: what bounds its speed. */
    public long passBytes(int context) {
        return passBytes() + 2L * config.layers() * config.kvHeads() * config.headDim() * context * DType.F32.bytes;
    }

    /** Bytes of the matrices that a pass reads. */
    public long passBytes() {
        return Stream.concat(layers.stream().flatMap(Layer::matrices), Stream.of(head))
                .mapToLong(linear -> linear.weight().bytes())
                .sum();
    }

    private Layer layer(int index) {
        String layer = "model.layers." + index + ".", attention = layer + "self_attn.", mlp = layer + "mlp.";
        int c = config.hiddenSize(), i = config.intermediateSize();
        int q = config.heads() * config.headDim(), kv = config.kvHeads() * config.headDim();
        boolean bias = config.attentionBias(), mlpBias = config.mlpBias();
        return new Layer(
                tensors.held(layer + "input_layernorm.weight"),
                Linear.Several.of(
                        tensors.linear(attention + "q_proj", c, q, bias),
                        tensors.linear(attention + "k_proj", c, kv, bias),
                        tensors.linear(attention + "v_proj", c, kv, bias)),
                tensors.linear(attention + "o_proj", q, c, bias),
                tensors.held(layer + "post_attention_layernorm.weight"),
                Linear.Several.of(
                        tensors.linear(mlp + "gate_proj", c, i, mlpBias),
                        tensors.linear(mlp + "up_proj", c, i, mlpBias)),
                tensors.linear(mlp + "down_proj", i, c, mlpBias));
    }

    @Override
    public void close() {
        tensors.close();
    }
}
