package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.decode.device.Buffer;
import dev.outrider.trainer.loss.TokenLoss;
import java.util.List;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Final norm, head and loss, in chunks of tokens: logits = W · norm(x) of a chunk are turned in place
 * into their gradient, from which come the chunk's dx and its part of dW, so [R, V] is never held whole.
 * V here is the number of rows that W has: fewer than the embedding's for a draft that says only some tokens.
 * With tied embeddings W is the embedding's table, and dW is written into the table's gradient.
 */
public final class LlamaHead extends LayerSettings {
    static final String GAIN = "gain";
    static final String WEIGHT = "weight";

    // Enough rows for the products to run at full rate; fewer where the vocabulary is very large.
    private static final int ROWS = 512;
    private static final int LOGITS = 1 << 24;

    private int vocabulary;
    private int channels;
    private float epsilon;
    private boolean tied;
    private int chunk;

    /** For JSON. */
    public LlamaHead() {}

    LlamaHead(ModelConfig config) {
        vocabulary = config.outputSize();
        channels = config.hiddenSize();
        epsilon = (float) config.rmsNormEps();
        tied = config.tiedEmbeddings();
        chunk = Math.clamp(LOGITS / vocabulary, 64, ROWS);
    }

    /** The same head with chunks of about so many rows. */
    LlamaHead chunk(int rows) {
        chunk = rows;
        return this;
    }

    @Override
    List<Parameter> parameters() {
        Parameter gain = Parameter.gain(GAIN, channels);
        return tied
                ? List.of(gain)
                : List.of(gain, Parameter.matrix(WEIGHT, LlamaGraph.DEVIATION, vocabulary, channels));
    }

    @Override
    public InputType getOutputType(int index, InputType input) {
        return InputType.recurrent(vocabulary);
    }

    @Override
    Run run(NeuralNetConfiguration conf, DataType type) {
        return new Run(conf, type);
    }

    /** Forward, loss and backward. */
    static final class Run extends OutputRun<LlamaHead> {
        /** So many positions in a row that do not count are passed over. */
        private static final int GAP = 32;

        private final transient Activation dx = new Activation(DataType.FLOAT);
        private transient Buffer weight;
        private transient Buffer weightGradient;
        private double score;

        Run(NeuralNetConfiguration conf, DataType type) {
            super(conf, type);
        }

        /** @param table the embedding, whose table the head shares if tied */
        void attach(StepState step, TokenEmbedding.Run table) {
            attach(step);
            boolean tied = layerConf().tied;
            weight = tied ? table.parameter(TokenEmbedding.TABLE) : parameter(WEIGHT);
            weightGradient = tied ? table.gradient(TokenEmbedding.TABLE) : gradient(WEIGHT);
        }

        /** All logits [B, T, V]; for DL4J's own output, never used in training. */
        @Override
        public INDArray activate(boolean training, LayerWorkspaceMgr workspaces) {
            INDArray out = HostArrays.create(DataType.FLOAT, sequences(), time(), layerConf().vocabulary);
            logits(0, rows(), HostArrays.buffer(out));
            return out;
        }

        /** Logits of rows first .. first+count-1 of the input. */
        void logits(int first, int count, Buffer out) {
            LlamaHead s = layerConf();
            device().linear(out, norm(first, count), weight, count, s.channels, s.vocabulary, 0);
        }

        @Override
        public Pair<Gradient, INDArray> backpropGradient(INDArray epsilon, LayerWorkspaceMgr workspaces) {
            startVectors();
            INDArray d = dx.of(sequences(), time(), layerConf().channels);
            device().zero(dx.buffer(), d.length());
            chunks(true);
            return backward(d);
        }

        /** After a backward pass the loss that it met, else a forward pass; times the micro-batch's weight. */
        @Override
        public double computeScore(double regularization, boolean training, LayerWorkspaceMgr workspaces) {
            if (!training) chunks(false);
            return score + regularization;
        }

        /** Goes over what counts of the micro-batch, with or without its gradient. */
        void chunks(boolean gradient) {
            TokenLoss loss = step().loss();
            loss.begin(step().batch, step().weight);
            int together = loss.rowsTogether(time());
            int most = Math.max(1, layerConf().chunk / together) * together;
            boolean begun = false;
            for (int at = counted(0); at < rows(); ) {
                int first = at / together * together;
                int end = end(at, Math.min(rows(), first + most), together);
                chunk(loss, first, end - first, gradient, begun);
                begun = true;
                at = counted(end);
            }
            if (gradient && !begun && !step().accumulate && !step().frozen)
                device().zero(weightGradient, weightGradient.elements());
            score = loss.sum() * step().weight;
        }

        /** The first position from one on that counts; the number of rows if none does. */
        private int counted(int from) {
            int position = from;
            while (position < rows() && step().batch.counted()[position] == 0) position++;
            return position;
        }

        /** Behind the last position that counts before {@code limit}, or before many that do not. */
        private int end(int counted, int limit, int together) {
            int end = counted;
            for (int i = counted; i < limit && i - end < GAP; i++)
                if (step().batch.counted()[i] != 0) end = i + 1;
            return (end + together - 1) / together * together;
        }

        private void chunk(TokenLoss loss, int first, int count, boolean gradient, boolean begun) {
            Buffer logits = step().logits.of((long) count * layerConf().vocabulary);
            logits(first, count, logits);
            loss.apply(logits, first, count, layerConf().vocabulary, gradient);
            if (gradient) chunkGradient(logits, first, count, begun ? 1 : step().beta());
        }

        // normed still holds the chunk's rows from logits(); product is free for their gradient.
        private void chunkGradient(Buffer dLogits, int first, int count, float beta) {
            LlamaHead s = layerConf();
            Buffer n = step().normed.of((long) count * s.channels);
            Buffer dn = step().product.of((long) count * s.channels);
            if (!step().frozen)
                device().linearWeightGradient(weightGradient, dLogits, n, count, s.channels, s.vocabulary, beta);
            device().linearInputGradient(dn, dLogits, weight, count, s.channels, s.vocabulary, 0);
            device().rmsNormGradient(
                            rows(dx.buffer(), first, count),
                            gradient(GAIN),
                            dn,
                            rows(HostArrays.buffer(input), first, count),
                            parameter(GAIN),
                            count,
                            s.channels,
                            s.epsilon);
        }

        private Buffer norm(int first, int count) {
            LlamaHead s = layerConf();
            Buffer n = step().normed.of((long) count * s.channels);
            Buffer x = rows(HostArrays.buffer(input), first, count);
            device().rmsNorm(n, x, parameter(GAIN), count, s.channels, s.epsilon);
            return n;
        }

        private Buffer rows(Buffer of, int first, int count) {
            long c = layerConf().channels;
            return of.slice(first * c, count * c);
        }

        @Override
        void release() {
            dx.close();
        }
    }
}
