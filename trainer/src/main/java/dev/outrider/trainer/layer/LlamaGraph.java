package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.checkpoints.Vision;
import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.model.Eyes;
import dev.outrider.decode.model.LlamaWeights;
import dev.outrider.decode.model.Sight;
import dev.outrider.trainer.Batch;
import dev.outrider.trainer.loss.TokenLoss;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
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
 * on a {@link Device}, with DL4J's flattened parameters and gradients as the optimiser sees them. One that sees has an
 * {@link Adapter} beside the embedding, which reads a frozen tower's features of pictures.
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
    private static final String FEATURES = "features";
    private static final String ADAPTER = "adapter";
    private static final String PICTURES = "pictures";

    private final ModelConfig config;
    private final Optional<DraftVocabulary> outputs;
    private final Optional<VisionConfig> eyes;
    private final Device device;
    private final ComputationGraph graph;
    private final StepState state;
    private final List<LayerRun<?>> layers;
    private final LlamaHead.Run head;
    private final Optional<PictureInput> pictures;
    private final Activation tokens = new Activation(DataType.INT32);
    private final Activation labels = new Activation(DataType.INT32);
    private double dropout;

    private LlamaGraph(
            ModelConfig config,
            Optional<DraftVocabulary> outputs,
            Optional<VisionConfig> eyes,
            Device device,
            ComputationGraph graph) {
        this.config = config;
        this.outputs = outputs;
        this.eyes = eyes;
        this.device = device;
        this.graph = graph;
        graph.initGradientsView();
        state = new StepState(device);
        layers = new ArrayList<>(List.of(layer(graph, EMBEDDING)));
        for (int i = 0; i < config.layers(); i++) layers.add(layer(graph, "block" + i));
        layers.add(layer(graph, HEAD));
        head = (LlamaHead.Run) layers.getLast();
        layers.forEach(layer -> layer.attach(state));
        pictures = eyes.map(e -> new PictureInput(
                e, (Adapter.Run) layer(graph, ADAPTER), (PictureRows.Run) graph.getVertex(PICTURES), state));
        head.attach(state, (TokenEmbedding.Run) layers.getFirst());
    }

    private static LayerRun<?> layer(ComputationGraph graph, String name) {
        return (LayerRun<?>) graph.getLayer(name);
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
        return create(config, outputs, Optional.empty(), device, seed, new LlamaHead(config));
    }

    /** The same for a model that sees, with an adapter that begins at random too: {@link #look} says through what. */
    public static LlamaGraph create(
            ModelConfig config, Optional<DraftVocabulary> outputs, VisionConfig eyes, Device device, long seed) {
        return create(config, outputs, Optional.of(eyes), device, seed, new LlamaHead(config));
    }

    static LlamaGraph create(
            ModelConfig config,
            Optional<DraftVocabulary> outputs,
            Optional<VisionConfig> eyes,
            Device device,
            long seed,
            LlamaHead head) {
        checkOutputs(config, outputs);
        HostArrays.wake();
        ComputationGraph graph = new ComputationGraph(configuration(config, eyes, seed, head));
        graph.init();
        return new LlamaGraph(config, outputs, eyes, device, graph);
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

    /** A checkpoint's model, its values widened to F32; with its projector as adapter where it sees. */
    public static LlamaGraph from(Checkpoint checkpoint, Device device) {
        Optional<VisionConfig> eyes = checkpoint.vision().map(Vision::config);
        return filled(checkpoint.config(), checkpoint.outputs(), eyes, device, model -> model.load(checkpoint));
    }

    /** A checkpoint's language model with an adapter, which replaces a projector that the checkpoint may have. */
    public static LlamaGraph from(Checkpoint language, VisionConfig eyes, FirstAdapter adapter, Device device) {
        return filled(language.config(), language.outputs(), Optional.of(eyes), device, model -> {
            model.loadLanguage(language);
            model.begin(adapter);
        });
    }

    /** Layers taken out of a deeper model, its values widened to F32. */
    public static LlamaGraph from(LayerCut cut, Device device) {
        return filled(cut.config(), cut.outputs(), Optional.empty(), device, model -> model.load(cut, model.weights()));
    }

    /** The same with an adapter. */
    public static LlamaGraph from(LayerCut cut, VisionConfig eyes, FirstAdapter adapter, Device device) {
        return filled(cut.config(), cut.outputs(), Optional.of(eyes), device, model -> {
            model.load(cut, model.weights());
            model.begin(adapter);
        });
    }

    /** Gives the adapter its first values anew. */
    public void begin(FirstAdapter adapter) {
        switch (adapter) {
            case FirstAdapter.AtRandom random ->
                pictures.orElseThrow().adapter().fill(random.seed());
            case ProjectorCut cut -> StoredValues.copy("the target's projector", cut::tensor, adapter());
        }
    }

    private static LlamaGraph filled(
            ModelConfig config,
            Optional<DraftVocabulary> outputs,
            Optional<VisionConfig> eyes,
            Device device,
            Consumer<LlamaGraph> values) {
        HostArrays.wake();
        ComputationGraph graph = new ComputationGraph(configuration(config, eyes, 0, new LlamaHead(config)));
        long adapter = eyes.map(VisionConfig::projectorParameters).orElse(0L);
        graph.init(HostArrays.create(DataType.FLOAT, 1, config.parameters() + adapter), false);
        LlamaGraph model = new LlamaGraph(config, outputs, eyes, device, graph);
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
        loadLanguage(checkpoint);
        if (!checkpoint.vision().map(Vision::config).map(LlamaGraph::shape).equals(eyes.map(LlamaGraph::shape))) {
            throw otherEyes(checkpoint);
        }
        checkpoint.vision().ifPresent(v -> StoredValues.copy(checkpoint.path().toString(), v::projector, adapter()));
    }

    private void loadLanguage(Checkpoint checkpoint) {
        StoredValues.copy(checkpoint, weights());
        if (!checkpoint.outputs().equals(outputs)) throw otherOutputs(checkpoint);
    }

    // What two adapters have in common whose tensors mean the same.
    private static List<Object> shape(VisionConfig c) {
        return List.of(
                c.towerWidth(),
                c.width(),
                c.matrices(),
                c.activation(),
                c.bias(),
                c.pool(),
                c.classToken(),
                c.featureLayer());
    }

    private Failure otherEyes(Checkpoint checkpoint) {
        return Failure.data(
                checkpoint.path().toString(),
                checkpoint.vision().map(v -> v.config().toString()).orElse("a model without a projector"),
                eyes.map(VisionConfig::toString).orElse("one without a projector") + ", as the model in training",
                "Choose a checkpoint of the same kind.");
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

    private static ComputationGraphConfiguration configuration(
            ModelConfig config, Optional<VisionConfig> eyes, long seed, LlamaHead head) {
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
        if (eyes.isPresent()) {
            builder.addInputs(FEATURES)
                    .addLayer(ADAPTER, new Adapter(eyes.get()), FEATURES)
                    .addVertex(PICTURES, new PictureRows(), EMBEDDING, ADAPTER);
            last = PICTURES;
        }
        for (int i = 0; i < config.layers(); i++) {
            builder.addLayer("block" + i, new LlamaBlock(config, i), last);
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

    /** What it sees with, if it sees: the projector's shape is the adapter's. */
    public Optional<VisionConfig> eyes() {
        return eyes;
    }

    /** Rows of a text that a picture takes; 0 where the model does not see. */
    public int pictureRows() {
        if (eyes.isPresent() && state.pictureRows == 0) {
            throw new IllegalStateException("a model that sees, and looks through nothing yet");
        }
        return state.pictureRows;
    }

    /**
     * What a model that sees looks at pictures through; not needed for one that does not.
     *
     * @param sight stays the caller's; of the tower that the adapter's configuration names
     */
    public void look(Sight sight) {
        pictures.ifPresent(p -> p.look(sight));
    }

    /**
     * Whether the adapter alone is trained: everything else then keeps its bits, and no gradient of its matrices is made.
     *
     * @throws Failure USAGE where there is no adapter
     */
    public void freezeLanguage(boolean frozen) {
        if (frozen && pictures.isEmpty()) {
            throw Failure.usage(
                    "draft in training",
                    "a frozen language model and no adapter",
                    "something to train",
                    "Give the draft an adapter, or do not freeze it.");
        }
        state.frozen = frozen;
    }

    /**
     * Dropout in the steps that follow, until it is set again: of the embedding's rows (not a picture's) and of what
     * attention and MLP add to them. Not in {@link #evaluate}, {@link #logits} and {@link #decoding}.
     *
     * @param share in [0, 1); 0: none
     * @param seed which elements are dropped follows from it, and from their places in the micro-batch
     */
    public void dropout(double share, long seed) {
        dropout = share;
        state.dropoutSeed = seed;
    }

    /** Frozen, all but the adapter stays. */
    @Override
    public boolean trains(String layer) {
        return !state.frozen || layer.equals(ADAPTER);
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
        graph.setInputs(inputs(batch));
        graph.setLabels(labels(batch));
        state.dropout = dropout;
        try {
            graph.computeGradientAndScore();
        } finally {
            state.dropout = 0;
        }
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

    /** Views of the adapter's memory, as a projector's tensors are named; none where the model does not see. */
    public List<Tensor> adapter() {
        return adapter(LayerRun::parameter);
    }

    private List<Tensor> adapter(BiFunction<LayerRun<?>, String, Buffer> memory) {
        return pictures.map(PictureInput::adapter)
                .map(a -> a.tensors(name -> memory.apply(a, name)))
                .orElse(List.of());
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

    /**
     * What {@link #decoding} sees with, likewise in the parameters' own memory; empty where the model does not see, or
     * looks through nothing yet.
     */
    public Optional<Eyes> decodingEyes() {
        return pictures.flatMap(PictureInput::eyes);
    }

    /** The layers that have parameters: embedding, blocks, head, and the adapter of a model that sees. */
    List<String> layerNames() {
        List<String> names = new ArrayList<>();
        for (LayerRun<?> layer : layers) names.add(layer.getConf().getLayer().getLayerName());
        if (eyes.isPresent()) names.add(ADAPTER);
        return names;
    }

    /** The same views of the gradients; the adapter's are {@link #adapterGradients}. */
    List<Tensor> gradientTensors() {
        return HuggingFaceViews.of(config, layers, LayerRun::gradient);
    }

    List<Tensor> adapterGradients() {
        return adapter(LayerRun::gradient);
    }

    private void forward(Batch batch) {
        INDArray[] inputs = inputs(batch);
        INDArray x = inputs[0];
        for (LayerRun<?> layer : layers) {
            layer.setInput(x, LayerWorkspaceMgr.noWorkspaces());
            if (layer != head) x = layer.activate(false, LayerWorkspaceMgr.noWorkspaces());
            if (layer == layers.getFirst() && pictures.isPresent())
                pictures.get().into(x, inputs[1]);
        }
    }

    private INDArray[] inputs(Batch batch) {
        if (batch.time() > config.maxPositions()) throw tooLong(batch.time());
        INDArray features = pictures.map(p -> p.features(batch)).orElse(null);
        INDArray array = tokens.of(batch.sequences(), batch.time());
        HostArrays.write(state.own(batch), batch.positions(), array);
        return features == null ? new INDArray[] {array} : new INDArray[] {array, features};
    }

    private INDArray labels(Batch batch) {
        INDArray array = labels.of(batch.sequences(), batch.time());
        HostArrays.write(batch.labels(), array);
        return array;
    }

    private Failure tooLong(int time) {
        return Failure.usage(
                "sequence length",
                time + " tokens, rows of pictures among them",
                "at most max_position_embeddings " + config.maxPositions(),
                "Use shorter sequences, or a model of longer context.");
    }

    @Override
    public void close() {
        layers.forEach(LayerRun::release);
        pictures.ifPresent(PictureInput::release);
        state.close();
        tokens.close();
        labels.close();
        graph.close();
    }
}
