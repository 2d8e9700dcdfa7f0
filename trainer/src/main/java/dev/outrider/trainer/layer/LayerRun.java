package dev.outrider.trainer.layer;

import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.LinkedHashMap;
import java.util.Map;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.layers.AbstractLayer;
import org.deeplearning4j.nn.layers.LayerHelper;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The running half of our layers, with everything that DL4J wants and that is the same for all of them:
 * parameters and gradients are views of the graph's flattened vectors, gradients are written straight
 * into theirs, and the arithmetic goes to the device of the shared {@link StepState}.
 *
 * <p>Inputs and outputs are [B, T, C]; R = B·T rows.
 */
abstract class LayerRun<S extends LayerSettings> extends AbstractLayer<S> {
    private INDArray parametersView;
    private INDArray gradientsView;
    private Map<String, INDArray> table = Map.of();
    private Map<String, INDArray> gradients = Map.of();
    private final Gradient gradient = new DefaultGradient();
    private transient StepState step;

    LayerRun(NeuralNetConfiguration conf, DataType type) {
        super(conf, type);
    }

    /** Joins the layer to its graph's state; parameters and gradients have their final place. */
    void attach(StepState step) {
        this.step = step;
    }

    /** Frees what the layer itself holds. */
    abstract void release();

    final StepState step() {
        if (step == null) {
            throw new IllegalStateException(getConf().getLayer().getLayerName()
                    + " has no device: layers run in a graph made by LlamaGraph or ClipGraph");
        }
        return step;
    }

    final Device device() {
        return step().device;
    }

    /** The parameter's memory, or null where the layer has none of that name. */
    final Buffer parameter(String name) {
        return table.containsKey(name) ? HostArrays.buffer(table.get(name)) : null;
    }

    /** The gradient's memory, or null where the layer has none of that name. */
    final Buffer gradient(String name) {
        return gradients.containsKey(name) ? HostArrays.buffer(gradients.get(name)) : null;
    }

    final void zero(String name) {
        Buffer g = gradient(name);
        device().zero(g, g.elements());
    }

    /** Gradients of gains and biases are always added to, so a new sum starts from zero here. */
    final void startVectors() {
        if (step().accumulate) return;
        for (Parameter p : layerConf().parameters()) if (!p.decays()) zero(p.name());
    }

    final Pair<Gradient, INDArray> backward(INDArray epsilon) {
        return new Pair<>(gradient, epsilon);
    }

    final int sequences() {
        return (int) input.size(0);
    }

    final int time() {
        return (int) input.size(1);
    }

    final int rows() {
        return sequences() * time();
    }

    @Override
    public void setInput(INDArray input, LayerWorkspaceMgr workspaces) {
        this.input = input;
    }

    @Override
    public void setParamsViewArray(INDArray view) {
        parametersView = view;
    }

    @Override
    public void setParamTable(Map<String, INDArray> table) {
        this.table = new LinkedHashMap<>(table);
    }

    @Override
    public Map<String, INDArray> paramTable() {
        return table;
    }

    @Override
    public Map<String, INDArray> paramTable(boolean backpropOnly) {
        return table;
    }

    @Override
    public INDArray params() {
        return parametersView;
    }

    @Override
    public INDArray getParam(String name) {
        return table.get(name);
    }

    @Override
    public void setParam(String name, INDArray value) {
        table.get(name).assign(value);
    }

    @Override
    public void setParams(INDArray values) {
        if (values != parametersView) parametersView.assign(values);
    }

    @Override
    public long numParams() {
        return layerConf().initializer().numParams(layerConf());
    }

    @Override
    public long numParams(boolean backwards) {
        return numParams();
    }

    @Override
    public void setBackpropGradientsViewArray(INDArray view) {
        gradientsView = view;
        gradients = layerConf().initializer().getGradientsFromFlattened(conf, view);
        gradients.forEach(gradient::setGradientFor);
    }

    @Override
    public INDArray getGradientsViewArray() {
        return gradientsView;
    }

    @Override
    public Gradient gradient() {
        return gradient;
    }

    @Override
    public boolean isPretrainLayer() {
        return false;
    }

    @Override
    public void clearNoiseWeightParams() {
        // No weight noise.
    }

    @Override
    public LayerHelper getHelper() {
        return null;
    }

    /** The loss has its weight already; DL4J must not divide again. */
    @Override
    public boolean updaterDivideByMinibatch(String name) {
        return false;
    }
}
