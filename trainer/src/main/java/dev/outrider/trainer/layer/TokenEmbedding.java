package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.decode.device.Buffer;
import java.util.List;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Token look-up: ids [B, T] (INT32) to rows of the table [V, C], out [B, T, C]. Ids below 0 are rows of pictures: what stands
 * there is not looked up and has no gradient here, see {@link PictureRows}.
 */
public final class TokenEmbedding extends LayerSettings {
    static final String TABLE = "table";

    private int vocabulary;
    private int channels;
    private boolean tied;
    private int padding = -1;

    /** For JSON. */
    public TokenEmbedding() {}

    TokenEmbedding(ModelConfig config) {
        vocabulary = config.vocabSize();
        channels = config.hiddenSize();
        tied = config.tiedEmbeddings();
        padding = config.padId();
    }

    @Override
    List<Parameter> parameters() {
        return List.of(Parameter.matrix(TABLE, LlamaGraph.DEVIATION, vocabulary, channels));
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
    static final class Run extends LayerRun<TokenEmbedding> {
        private final transient Activation out = new Activation(DataType.FLOAT);
        private int[] ids = {};
        /** The ids, and any row of the table where there is a picture's. */
        private int[] looked = {};

        Run(NeuralNetConfiguration conf, DataType type) {
            super(conf, type);
        }

        @Override
        public INDArray activate(boolean training, LayerWorkspaceMgr workspaces) {
            TokenEmbedding s = layerConf();
            readIds();
            INDArray y = out.of(sequences(), time(), s.channels);
            device().embed(out.buffer(), parameter(TABLE), looked, 0, rows(), s.channels);
            step().drop(out.buffer(), (long) rows() * s.channels, 0);
            return y;
        }

        @Override
        public Pair<Gradient, INDArray> backpropGradient(INDArray epsilon, LayerWorkspaceMgr workspaces) {
            if (step().frozen) return backward(null);
            Buffer dy = HostArrays.buffer(epsilon);
            // Where the head uses the table too, it has written its gradient before.
            if (!layerConf().tied && !step().accumulate) zero(TABLE);
            step().drop(dy, (long) rows() * layerConf().channels, 0);
            skip(dy, layerConf().padding);
            device().embedGradient(gradient(TABLE), dy, looked, 0, rows(), layerConf().channels);
            return backward(null);
        }

        // The padding token's row learns nothing from look-ups, as with transformers' padding_idx; nor does any from
        // pictures.
        private void skip(Buffer dy, int padding) {
            int channels = layerConf().channels;
            for (int i = 0; i < rows(); i++) {
                if (ids[i] == padding || ids[i] < 0) {
                    device().zero(dy.slice((long) i * channels, channels), channels);
                }
            }
        }

        // An id outside the table would read, and in the gradient write, foreign memory.
        private void readIds() {
            if (ids.length < rows()) {
                ids = new int[rows()];
                looked = new int[rows()];
            }
            HostArrays.read(input, ids);
            for (int i = 0; i < rows(); i++) {
                if (ids[i] < step().leastId() || ids[i] >= layerConf().vocabulary) throw outside(i);
                looked[i] = Math.max(0, ids[i]);
            }
        }

        private Failure outside(int i) {
            return Failure.data(
                    "batch, sequence " + i / time() + ", position " + i % time(),
                    "token " + ids[i],
                    "0 to " + (layerConf().vocabulary - 1),
                    "Tokenise the text with this model's own tokenizer.");
        }

        @Override
        void release() {
            out.close();
        }
    }
}
