package dev.outrider.trainer.layer;

import java.util.List;
import org.deeplearning4j.nn.api.layers.IOutputLayer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/** What DL4J asks of an output layer beyond its loss: labels, and a classifier's methods, which a language model has not. */
abstract class OutputRun<S extends LayerSettings> extends LayerRun<S> implements IOutputLayer {
    private INDArray labels;

    OutputRun(NeuralNetConfiguration conf, DataType type) {
        super(conf, type);
    }

    @Override
    public boolean needsLabels() {
        return true;
    }

    @Override
    public void setLabels(INDArray labels) {
        this.labels = labels;
    }

    @Override
    public INDArray getLabels() {
        return labels;
    }

    @Override
    @Deprecated
    public int numLabels() {
        return 1;
    }

    @Override
    public INDArray computeScoreForExamples(double regularization, LayerWorkspaceMgr workspaces) {
        throw classifier();
    }

    @Override
    public double f1Score(DataSet data) {
        throw classifier();
    }

    @Override
    public double f1Score(INDArray examples, INDArray labels) {
        throw classifier();
    }

    @Override
    public void fit(DataSetIterator iterator) {
        throw classifier();
    }

    @Override
    public int[] predict(INDArray examples) {
        throw classifier();
    }

    @Override
    public List<String> predict(DataSet data) {
        throw classifier();
    }

    @Override
    public void fit(INDArray examples, INDArray labels) {
        throw classifier();
    }

    @Override
    public void fit(DataSet data) {
        throw classifier();
    }

    @Override
    public void fit(INDArray examples, int[] labels) {
        throw classifier();
    }

    private static UnsupportedOperationException classifier() {
        return new UnsupportedOperationException("a language model's head is trained by LlamaGraph.step");
    }
}
