package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.ClipConfig;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.LlavaFiles.TowerTensors;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.model.ClipTower;
import dev.outrider.trainer.clip.ClipShape;
import dev.outrider.trainer.clip.PairBatch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration.GraphBuilder;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.NoOp;

/**
 * A CLIP in training (Radford et al., 2103.00020): one Deeplearning4j ComputationGraph of two chains, pictures (patch
 * embedding, tower blocks, projection) and captions (token embedding, LLaMA blocks, projection), whose outputs are rows of
 * one space. There is no loss in it: whoever has one reads {@link #pictures} and {@link #captions} after {@link #forward},
 * writes their gradients, and calls {@link #backward}.
 *
 * <p>Gradients of a batch replace those of the one before. Nothing is allocated on the device in a step once the largest
 * shape has been seen. One thread at a time.
 */
public final class ClipGraph implements TrainedModel, AutoCloseable {
    /** Logarithms of what cosines are multiplied by: at the start, and at most. */
    static final double FIRST = Math.log(1 / 0.07), MOST = Math.log(100);

    private static final String PATCHES = "patches", PICTURES = "pictures", TOKENS = "tokens", CAPTIONS = "captions";

    private final ClipShape shape;
    private final Device device;
    private final ComputationGraph graph;
    private final StepState state;
    private final Half pictures;
    private final Half captions;
    private final Activation patches = new Activation(DataType.FLOAT);
    private final Activation tokens = new Activation(DataType.INT32);
    private final float[] cut;
    private final float[] one = new float[1];

    /** One chain of layers, the gradient of its output with it. */
    private final class Half implements AutoCloseable {
        private final List<LayerRun<?>> layers = new ArrayList<>();
        private final Activation gradient = new Activation(DataType.FLOAT);
        private INDArray output;

        Half(Collection<String> names) {
            for (String name : names) layers.add((LayerRun<?>) graph.getLayer(name));
            layers.forEach(layer -> layer.attach(state));
        }

        PooledProjection.Run exit() {
            return (PooledProjection.Run) layers.getLast();
        }

        void forward(INDArray input) {
            output = input;
            for (LayerRun<?> layer : layers) {
                layer.setInput(output, LayerWorkspaceMgr.noWorkspaces());
                output = layer.activate(true, LayerWorkspaceMgr.noWorkspaces());
            }
            gradient.of(output.size(0), 1, shape.width());
        }

        void backward() {
            INDArray d = gradient.of(output.size(0), 1, shape.width());
            for (LayerRun<?> layer : layers.reversed()) {
                d = layer.backpropGradient(d, LayerWorkspaceMgr.noWorkspaces()).getSecond();
            }
        }

        @Override
        public void close() {
            layers.forEach(LayerRun::release);
            gradient.close();
        }
    }

    private ClipGraph(ClipShape shape, Device device, ComputationGraph graph) {
        this.shape = shape;
        this.device = device;
        this.graph = graph;
        graph.initGradientsView();
        state = new StepState(device);
        pictures = new Half(pictureLayers(shape).keySet());
        captions = new Half(captionLayers(shape).keySet());
        cut = new float[shape.pictures().patches() * shape.pictures().patchValues()];
    }

    /**
     * A new model, the same for the same seed: matrices normal with CLIP's deviations (the LLaMA blocks' with theirs), gains
     * 1, biases 0.
     */
    public static ClipGraph create(ClipShape shape, Device device, long seed) {
        HostArrays.wake();
        ComputationGraph graph = new ComputationGraph(configuration(shape, seed));
        graph.init();
        return new ClipGraph(shape, device, graph);
    }

    private static ComputationGraphConfiguration configuration(ClipShape shape, long seed) {
        GraphBuilder builder = new NeuralNetConfiguration.Builder()
                .seed(seed)
                .updater(new NoOp())
                .dataType(DataType.FLOAT)
                // Workspaces would refuse activations that outlive a step.
                .trainingWorkspaceMode(WorkspaceMode.NONE)
                .inferenceWorkspaceMode(WorkspaceMode.NONE)
                .graphBuilder()
                .addInputs(PATCHES, TOKENS);
        chain(builder, PATCHES, pictureLayers(shape));
        chain(builder, TOKENS, captionLayers(shape));
        return builder.setOutputs(PICTURES, CAPTIONS).build();
    }

    private static void chain(GraphBuilder builder, String input, Map<String, LayerSettings> layers) {
        String last = input;
        for (var layer : layers.entrySet()) {
            builder.addLayer(layer.getKey(), layer.getValue(), last);
            last = layer.getKey();
        }
    }

    private static Map<String, LayerSettings> pictureLayers(ClipShape shape) {
        ClipConfig c = shape.pictures();
        Map<String, LayerSettings> layers = new LinkedHashMap<>();
        layers.put("patchEmbedding", new PatchEmbedding(c));
        for (int i = 0; i < c.layers(); i++) layers.put("tower" + i, new TowerBlock(c));
        layers.put(PICTURES, new PooledProjection(c.hiddenSize(), shape.width(), c.layerNormEps(), false));
        return layers;
    }

    private static Map<String, LayerSettings> captionLayers(ClipShape shape) {
        ModelConfig c = shape.captions();
        Map<String, LayerSettings> layers = new LinkedHashMap<>();
        layers.put("tokenEmbedding", new TokenEmbedding(c));
        for (int i = 0; i < c.layers(); i++) layers.put("text" + i, new LlamaBlock(c, i));
        double epsilon = shape.pictures().layerNormEps();
        layers.put(CAPTIONS, new PooledProjection(c.hiddenSize(), shape.width(), epsilon, true));
        return layers;
    }

    public ClipShape shape() {
        return shape;
    }

    @Override
    public ComputationGraph graph() {
        return graph;
    }

    @Override
    public Device device() {
        return device;
    }

    /**
     * Embeds the pictures and the captions of a batch.
     *
     * @throws Failure DATA where a picture is not of the tower's size, or a caption empty, too long, or of other tokens
     */
    public void forward(PairBatch batch) {
        pictures.forward(patches(batch));
        captions.exit().lengths(lengths(batch));
        captions.forward(tokens(batch));
    }

    /** F32 [B, E] of the last batch, of any length. */
    public Buffer pictures() {
        return HostArrays.buffer(pictures.output);
    }

    /** F32 [B, E] of the last batch, of any length. */
    public Buffer captions() {
        return HostArrays.buffer(captions.output);
    }

    /** Where the gradient of {@link #pictures} is to be written; its values are lost in the backward pass. */
    public Buffer pictureGradient() {
        return pictures.gradient.buffer();
    }

    /** Where the gradient of {@link #captions} is to be written; its values are lost in the backward pass. */
    public Buffer captionGradient() {
        return captions.gradient.buffer();
    }

    /**
     * From the gradients of the last batch's outputs to those of all parameters.
     *
     * @param logScale gradient of {@link #logScale}
     */
    public void backward(double logScale) {
        pictures.backward();
        captions.backward();
        one[0] = (float) logScale;
        device.upload(one, 0, captions.exit().gradient(PooledProjection.SCALE), 1);
    }

    /** t, the logarithm of what cosines are multiplied by; learnt, from ln 1/0.07. */
    public double logScale() {
        device.download(captions.exit().parameter(PooledProjection.SCALE), one, 0, 1);
        return FIRST + one[0];
    }

    /** Keeps the scale at 100 or below, as CLIP does after every update. */
    public void limitScale() {
        if (logScale() <= MOST) return;
        one[0] = (float) (MOST - FIRST);
        device.upload(one, 0, captions.exit().parameter(PooledProjection.SCALE), 1);
    }

    /** The vision half, without its projection, in the parameters' own memory: valid while the graph is open. */
    public TowerTensors tower() {
        return new TowerTensors(shape.pictures(), TowerViews.of(shape.pictures(), pictures.layers));
    }

    // [B, P + 1, 3·p·p]; the first row of each picture is zero.
    private INDArray patches(PairBatch batch) {
        ClipConfig c = shape.pictures();
        INDArray array = patches.of(batch.size(), c.patches() + 1, c.patchValues());
        Buffer all = patches.buffer();
        long first = c.patchValues(), each = first + cut.length;
        for (int i = 0; i < batch.size(); i++) {
            if (batch.pixels()[i].length != c.pictureValues()) throw otherSize(i, batch.pixels()[i].length);
            ClipTower.cut(c, batch.pixels()[i], cut);
            device.zero(all.slice(i * each, first), first);
            device.upload(cut, 0, all.slice(i * each + first, cut.length), cut.length);
        }
        return array;
    }

    // [B, T]; what follows a caption is not seen from its last token.
    private INDArray tokens(PairBatch batch) {
        int time = batch.time();
        INDArray array = tokens.of(batch.size(), time);
        int[] ids = new int[batch.size() * time];
        Arrays.fill(ids, Math.max(0, shape.captions().padId()));
        for (int i = 0; i < batch.size(); i++) {
            System.arraycopy(batch.captions()[i], 0, ids, i * time, batch.captions()[i].length);
        }
        HostArrays.write(ids, array);
        return array;
    }

    private int[] lengths(PairBatch batch) {
        int[] lengths = new int[batch.size()];
        for (int i = 0; i < lengths.length; i++) {
            lengths[i] = batch.captions()[i].length;
            if (lengths[i] == 0 || lengths[i] > shape.captions().maxPositions()) throw otherLength(i, lengths[i]);
        }
        return lengths;
    }

    private Failure otherSize(int pair, int values) {
        int side = shape.pictures().imageSize();
        return Failure.data(
                "batch, picture " + pair,
                values + " values",
                "3 x " + side + " x " + side + ", the tower's size",
                "Prepare pictures for this size, or give the tower theirs.");
    }

    private Failure otherLength(int pair, int length) {
        return Failure.data(
                "batch, caption " + pair,
                length + " tokens",
                "1 to " + shape.captions().maxPositions(),
                "Cut captions, or give the caption model more positions.");
    }

    @Override
    public void close() {
        pictures.close();
        captions.close();
        state.close();
        patches.close();
        tokens.close();
        graph.close();
    }
}
