package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.model.LlamaWeights;
import dev.outrider.trainer.Batch;
import dev.outrider.trainer.loss.TokenLoss;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.NoOp;

/**
 * A LLaMA in training: a Deeplearning4j ComputationGraph (embedding, blocks, head) whose layers compute
 * on a {@link Device}, with DL4J's flattened parameters and gradients as the optimiser sees them.
 *
 * <p>Gradients of several {@link #step} calls add up until {@link #zeroGradients}. Nothing is allocated
 * in a step once the largest shape has been seen. One thread at a time.
 */
public final class LlamaGraph implements TrainedModel, AutoCloseable {
    /** Standard deviation of the normal law that matrices start from. */
    static final double DEVIATION = 0.02;

    private static final String INPUT = "tokens";
    private static final String EMBEDDING = "embedding";
    private static final String HEAD = "head";

    private final ModelConfig config;
    private final Optional<DraftVocabulary> outputs;
    private final Device device;
    private final ComputationGraph graph;
    private final StepState state;
    private final List<LayerRun<?>> layers;
    private final LlamaHead.Run head;
    private final Activation tokens = new Activation(DataType.INT32);
    private final Activation labels = new Activation(DataType.INT32);

    private LlamaGraph(ModelConfig config, Optional<DraftVocabulary> outputs, Device device, ComputationGraph graph) {
        this.config = config;
        this.outputs = outputs;
        this.device = device;
        this.graph = graph;
        graph.initGradientsView();
        state = new StepState(device);
        layers = new ArrayList<>();
        for (var layer : graph.getLayers()) layers.add((LayerRun<?>) layer);
        head = (LlamaHead.Run) layers.getLast();
        layers.forEach(layer -> layer.attach(state));
        head.attach(state, (TokenEmbedding.Run) layers.getFirst());
    }

    /**
     * A new model: matrices normal with deviation 0.02 (those that write to the residual stream divided
     * by sqrt(2 · layers)), gains 1, biases 0; the same for the same seed.
     */
    public static LlamaGraph create(ModelConfig config, Device device, long seed) {
        return create(config, Optional.empty(), device, seed);
    }

    /** The same for a draft that can say only these tokens; empty: all. */
    public static LlamaGraph create(ModelConfig config, Optional<DraftVocabulary> outputs, Device device, long seed) {
        return create(config, outputs, device, seed, new LlamaHead(config));
    }

    static LlamaGraph create(
            ModelConfig config, Optional<DraftVocabulary> outputs, Device device, long seed, LlamaHead head) {
        checkOutputs(config, outputs);
        HostArrays.wake();
        ComputationGraph graph = new ComputationGraph(configuration(config, seed, head));
        graph.init();
        return new LlamaGraph(config, outputs, device, graph);
    }

    private static void checkOutputs(ModelConfig config, Optional<DraftVocabulary> outputs) {
        boolean fits = outputs.map(
                        o -> config.pruned() && o.size() == config.outputSize() && o.vocabulary() == config.vocabSize())
                .orElse(!config.pruned());
        if (fits) return;
        throw Failure.usage(
                "draft vocabulary",
                outputs.map(DraftVocabulary::toString).orElse("none"),
                config.pruned() ? config.outputSize() + " of " + config.vocabSize() + " tokens" : "none",
                "Give the map that the head's size was taken from, and none for a head of all tokens.");
    }

    /** A checkpoint's model, its values widened to F32. */
    public static LlamaGraph from(Checkpoint checkpoint, Device device) {
        return filled(checkpoint.config(), checkpoint.outputs(), device, model -> model.load(checkpoint));
    }

    /** Layers taken out of a deeper model, its values widened to F32. */
    public static LlamaGraph from(LayerCut cut, Device device) {
        return filled(cut.config(), cut.outputs(), device, model -> model.load(cut, model.weights()));
    }

    private static LlamaGraph filled(
            ModelConfig config, Optional<DraftVocabulary> outputs, Device device, Consumer<LlamaGraph> values) {
        HostArrays.wake();
        ComputationGraph graph = new ComputationGraph(configuration(config, 0, new LlamaHead(config)));
        graph.init(HostArrays.create(DataType.FLOAT, 1, config.parameters()), false);
        LlamaGraph model = new LlamaGraph(config, outputs, device, graph);
        try {
            values.accept(model);
            return model;
        } catch (RuntimeException e) {
            model.close();
            throw e;
        }
    }

    /** Replaces every parameter; shapes and names must be this model's, else Failure DATA. */
    public void load(Checkpoint checkpoint) {
        StoredValues.copy(checkpoint, weights());
        if (!checkpoint.outputs().equals(outputs)) throw otherOutputs(checkpoint);
    }

    private static Failure otherOutputs(Checkpoint checkpoint) {
        return Failure.data(
                checkpoint.path() + ", tensor d2t",
                "the map of another draft vocabulary",
                "that of the model that is being trained",
                "Train with the vocabulary that the checkpoint was made for.");
    }

    private void load(LayerCut cut, List<Tensor> to) {
        StoredValues.copy(cut.of().path().toString(), cut::tensor, to);
    }

    private static ComputationGraphConfiguration configuration(ModelConfig config, long seed, LlamaHead head) {
        var builder = new NeuralNetConfiguration.Builder()
                .seed(seed)
                .updater(new NoOp())
                .dataType(DataType.FLOAT)
                // Workspaces would refuse activations that outlive a step; backward asks the inference mode.
                .trainingWorkspaceMode(WorkspaceMode.NONE)
                .inferenceWorkspaceMode(WorkspaceMode.NONE)
                .graphBuilder()
                .addInputs(INPUT)
                .addLayer(EMBEDDING, new TokenEmbedding(config), INPUT);
        String last = EMBEDDING;
        for (int i = 0; i < config.layers(); i++) {
            builder.addLayer("block" + i, new LlamaBlock(config), last);
            last = "block" + i;
        }
        return builder.addLayer(HEAD, head, last).setOutputs(HEAD).build();
    }

    public ModelConfig config() {
        return config;
    }

    /** The tokens that the model can say, where these are not all. */
    public Optional<DraftVocabulary> outputs() {
        return outputs;
    }

    @Override
    public ComputationGraph graph() {
        return graph;
    }

    @Override
    public Device device() {
        return device;
    }

    /** The next step's gradients replace those that are there. */
    public void zeroGradients() {
        state.accumulate = false;
    }

    /**
     * Forward, loss and backward of one micro-batch; the gradient of weight · loss is added to {@link
     * #gradients}.
     *
     * @return the loss summed over the counted positions, unweighted
     */
    public double step(Batch batch, TokenLoss loss, double weight) {
        state.begin(batch, loss, weight);
        graph.setInputs(tokens(batch));
        graph.setLabels(labels(batch));
        graph.computeGradientAndScore();
        state.accumulate = true;
        return loss.sum();
    }

    /** The loss of one micro-batch, summed over the counted positions; gradients stay as they are. */
    public double evaluate(Batch batch, TokenLoss loss) {
        state.begin(batch, loss, 1);
        forward(batch);
        head.chunks(false);
        return loss.sum();
    }

    /** Next-token logits [rows, V] ([rows, V'] with a vocabulary of the draft's own) of positions first .. first+rows-1 of the batch's B·T. */
    public void logits(Batch batch, int first, int rows, Buffer out) {
        forward(batch);
        head.logits(first, rows, out);
    }

    /**
     * Views of the parameters' memory under Hugging Face's names, fused matrices split, and the map of the
     * draft's own vocabulary, if any: what a checkpoint is written from. Valid while the graph is open.
     */
    public List<Tensor> tensors() {
        List<Tensor> tensors = weights();
        outputs.map(DraftVocabulary::tensors).ifPresent(tensors::addAll);
        return tensors;
    }

    private List<Tensor> weights() {
        return HuggingFaceViews.of(config, layers, LayerRun::parameter);
    }

    /**
     * The model for decoding, in the parameters' own memory: a pass reads what the last update left. To be closed
     * by the caller, before the graph.
     */
    public LlamaWeights decoding() {
        Map<String, Tensor> byName = new HashMap<>();
        for (Tensor t : weights()) byName.put(t.name(), t);
        return LlamaWeights.of(device, config, outputs, byName::get);
    }

    /** The same views of the gradients. */
    List<Tensor> gradientTensors() {
        return HuggingFaceViews.of(config, layers, LayerRun::gradient);
    }

    private void forward(Batch batch) {
        INDArray x = tokens(batch);
        for (LayerRun<?> layer : layers) {
            layer.setInput(x, LayerWorkspaceMgr.noWorkspaces());
            if (layer != head) x = layer.activate(false, LayerWorkspaceMgr.noWorkspaces());
        }
    }

    private INDArray tokens(Batch batch) {
        if (batch.time() > config.maxPositions()) throw tooLong(batch.time());
        INDArray array = tokens.of(batch.sequences(), batch.time());
        HostArrays.write(batch.tokens(), array);
        return array;
    }

    private INDArray labels(Batch batch) {
        INDArray array = labels.of(batch.sequences(), batch.time());
        HostArrays.write(batch.labels(), array);
        return array;
    }

    private Failure tooLong(int time) {
        return Failure.usage(
                "sequence length",
                time + " tokens",
                "at most max_position_embeddings " + config.maxPositions(),
                "Use shorter sequences, or a model of longer context.");
    }

    @Override
    public void close() {
        layers.forEach(LayerRun::release);
        state.close();
        tokens.close();
        labels.close();
        graph.close();
    }
}
