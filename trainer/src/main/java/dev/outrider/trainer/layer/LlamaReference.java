package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.trainer.Batch;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The whole model in ND4J operations, with its own copy of a graph's parameters in a type of choice.
 * Gradients add up from construction on.
 */
final class LlamaReference {
    private final List<Map<String, INDArray>> parameters = new ArrayList<>();
    private final List<Map<String, INDArray>> gradients = new ArrayList<>();
    private final TokenEmbeddingReference embedding = new TokenEmbeddingReference();
    private final List<LlamaBlockReference> blocks = new ArrayList<>();
    private final LlamaHeadReference head;
    private final boolean tied;

    LlamaReference(LlamaGraph graph, DataType type) {
        for (var layer : graph.graph().getLayers()) copy(layer.paramTable(), type);
        ModelConfig config = graph.config();
        tied = config.tiedEmbeddings();
        for (int i = 0; i < config.layers(); i++) blocks.add(new LlamaBlockReference(config, parameters.get(i + 1)));
        head = new LlamaHeadReference(config, parameters.getLast(), shared(parameters));
    }

    private void copy(Map<String, INDArray> from, DataType type) {
        Map<String, INDArray> values = new LinkedHashMap<>(), zeros = new LinkedHashMap<>();
        from.forEach((name, array) -> {
            values.put(name, array.dup('c').castTo(type));
            zeros.put(name, Nd4j.zeros(type, array.shape()));
        });
        parameters.add(values);
        gradients.add(zeros);
    }

    private INDArray shared(List<Map<String, INDArray>> of) {
        return tied ? of.getFirst().get(TokenEmbedding.TABLE) : of.getLast().get(LlamaHead.WEIGHT);
    }

    /** Per layer, in the graph's order: name to array. */
    List<Map<String, INDArray>> parameters() {
        return parameters;
    }

    List<Map<String, INDArray>> gradients() {
        return gradients;
    }

    /** Logits [B·T, V]. */
    INDArray forward(Batch batch) {
        INDArray x = embedding.forward(parameters.getFirst(), batch.tokens());
        for (LlamaBlockReference block : blocks) x = block.forward(x, batch.sequences(), batch.time());
        return head.forward(x);
    }

    /** Adds the gradient of the last forward pass. */
    void backward(INDArray dLogits) {
        INDArray d = head.backward(gradients.getLast(), shared(gradients), dLogits);
        for (int i = blocks.size(); i > 0; i--) d = blocks.get(i - 1).backward(gradients.get(i), d);
        embedding.backward(gradients.getFirst(), d);
    }
}
