package dev.outrider.trainer.layer;

import java.util.Collection;
import java.util.List;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.memory.LayerMemoryReport;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect.Visibility;

/**
 * What DL4J wants of a layer's configuration, answered once for all of ours: a layer only lists its
 * parameters and makes its running half. JSON holds its fields. Updater, decay and clipping are the trainer's, not DL4J's.
 */
@JsonAutoDetect(fieldVisibility = Visibility.ANY, getterVisibility = Visibility.NONE)
public abstract class LayerSettings extends Layer {
    private static final IUpdater NONE = new NoOp();

    /** The layer's arrays in the order they have in the flattened vector. */
    abstract List<Parameter> parameters();

    abstract LayerRun<?> run(NeuralNetConfiguration conf, DataType type);

    @Override
    public final org.deeplearning4j.nn.api.Layer instantiate(
            NeuralNetConfiguration conf,
            Collection<TrainingListener> listeners,
            int index,
            INDArray view,
            boolean initializeParams,
            DataType type) {
        LayerRun<?> run = run(conf, type);
        run.setListeners(listeners);
        run.setIndex(index);
        run.setParamsViewArray(view);
        run.setParamTable(initializer().init(conf, view, initializeParams));
        return run;
    }

    @Override
    public final ParamInitializer initializer() {
        return NamedParameters.INSTANCE;
    }

    @Override
    public InputType getOutputType(int index, InputType input) {
        return input;
    }

    @Override
    public final void setNIn(InputType input, boolean override) {
        // Sizes are given, never inferred.
    }

    @Override
    public final InputPreProcessor getPreProcessorForInputType(InputType input) {
        return null;
    }

    @Override
    public final List<Regularization> getRegularizationByParam(String name) {
        return null;
    }

    @Override
    public final IUpdater getUpdaterByParam(String name) {
        return NONE;
    }

    @Override
    public final boolean isPretrainParam(String name) {
        return false;
    }

    @Override
    public final GradientNormalization getGradientNormalization() {
        return GradientNormalization.None;
    }

    @Override
    public final double getGradientNormalizationThreshold() {
        return 1;
    }

    @Override
    public final LayerMemoryReport getMemoryReport(InputType input) {
        return null;
    }
}
