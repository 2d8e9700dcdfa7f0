package dev.outrider.trainer.layer;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * Lays the parameters that a layer lists one after the other in its slice of the flattened vector, and
 * gives them their first values. One instance serves every layer.
 */
final class NamedParameters implements ParamInitializer {
    static final NamedParameters INSTANCE = new NamedParameters();

    private NamedParameters() {}

    @Override
    public long numParams(NeuralNetConfiguration conf) {
        return numParams(conf.getLayer());
    }

    @Override
    public long numParams(Layer layer) {
        return of(layer).stream().mapToLong(Parameter::elements).sum();
    }

    @Override
    public List<String> paramKeys(Layer layer) {
        return of(layer).stream().map(Parameter::name).toList();
    }

    @Override
    public List<String> weightKeys(Layer layer) {
        return of(layer).stream().filter(Parameter::decays).map(Parameter::name).toList();
    }

    @Override
    public List<String> biasKeys(Layer layer) {
        return of(layer).stream().filter(p -> !p.decays()).map(Parameter::name).toList();
    }

    @Override
    public boolean isWeightParam(Layer layer, String key) {
        return weightKeys(layer).contains(key);
    }

    @Override
    public boolean isBiasParam(Layer layer, String key) {
        return biasKeys(layer).contains(key);
    }

    @Override
    public Map<String, INDArray> init(NeuralNetConfiguration conf, INDArray view, boolean initializeParams) {
        Map<String, INDArray> table = views(conf.getLayer(), view);
        table.keySet().forEach(conf::addVariable);
        if (initializeParams) of(conf.getLayer()).forEach(p -> fill(conf, p, table.get(p.name())));
        return table;
    }

    @Override
    public Map<String, INDArray> getGradientsFromFlattened(NeuralNetConfiguration conf, INDArray view) {
        return views(conf.getLayer(), view);
    }

    private static void fill(NeuralNetConfiguration conf, Parameter p, INDArray array) {
        long seed = FirstValues.mix(conf.getSeed(), conf.getLayer().getLayerName(), p.name());
        FirstValues.fill(p, HostArrays.buffer(array), seed);
    }

    private static Map<String, INDArray> views(Layer layer, INDArray view) {
        INDArray flat = view.reshape(view.length());
        Map<String, INDArray> table = new LinkedHashMap<>();
        long at = 0;
        for (Parameter p : of(layer)) {
            INDArray slice = flat.get(NDArrayIndex.interval(at, at + p.elements()));
            table.put(p.name(), slice.reshape('c', p.shape()));
            at += p.elements();
        }
        return table;
    }

    private static List<Parameter> of(Layer layer) {
        return ((LayerSettings) layer).parameters();
    }
}
