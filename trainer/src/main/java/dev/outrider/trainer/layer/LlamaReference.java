package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.trainer.Batch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
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
    private final AdapterReference adapter;
    private final int last;
    private final boolean tied;
    private INDArray embeddingMask;
    /** By position of the last batch: the row of all pictures', or -1. */
    private int[] rows;

    LlamaReference(LlamaGraph graph, DataType type) {
        ModelConfig config = graph.config();
        for (String name : graph.layerNames()) copy(graph.graph().getLayer(name).paramTable(), type);
        tied = config.tiedEmbeddings();
        last = config.layers() + 1;
        for (int i = 0; i < config.layers(); i++) blocks.add(new LlamaBlockReference(config, parameters.get(i + 1)));
        head = new LlamaHeadReference(config, parameters.get(last), shared(parameters));
        adapter = graph.eyes()
                .map(eyes -> new AdapterReference(eyes, parameters.getLast()))
                .orElse(null);
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
        return tied ? of.getFirst().get(TokenEmbedding.TABLE) : of.get(last).get(LlamaHead.WEIGHT);
    }

    /** Per layer, in the order of {@link LlamaGraph#layerNames}: name to array. */
    List<Map<String, INDArray>> parameters() {
        return parameters;
    }

    List<Map<String, INDArray>> gradients() {
        return gradients;
    }

    /** Dropout of the passes that follow: by place (0 the embedding, then attention and MLP of every block) a mask [B·T, C]. */
    void mask(IntFunction<INDArray> places) {
        embeddingMask = places.apply(0);
        for (int i = 0; i < blocks.size(); i++) blocks.get(i).mask(places.apply(2 * i + 1), places.apply(2 * i + 2));
    }

    /** Logits [B·T, V]. */
    INDArray forward(Batch batch) {
        return forward(batch, null, new int[0]);
    }

    /**
     * Logits [B·T, V] of a batch with pictures.
     *
     * @param features what the adapter reads, [R, towerWidth]; null without pictures
     * @param rows by position, the one of the R that stands there, or -1; empty without pictures
     */
    INDArray forward(Batch batch, INDArray features, int[] rows) {
        this.rows = rows;
        INDArray x = embedding.forward(
                parameters.getFirst(),
                Arrays.stream(batch.tokens()).map(id -> Math.max(0, id)).toArray());
        if (embeddingMask != null) x = x.mul(embeddingMask);
        if (features != null) {
            INDArray seen = adapter.forward(features);
            for (int p = 0; p < rows.length; p++) if (rows[p] >= 0) x.putRow(p, seen.getRow(rows[p]));
        }
        for (LlamaBlockReference block : blocks) x = block.forward(x, batch.sequences(), batch.time());
        return head.forward(x);
    }

    /** Adds the gradient of the last forward pass. */
    void backward(INDArray dLogits) {
        INDArray d = head.backward(gradients.get(last), shared(gradients), dLogits);
        for (int i = blocks.size(); i > 0; i--) d = blocks.get(i - 1).backward(gradients.get(i), d);
        if (rows.length > 0) adapter.backward(gradients.getLast(), taken(d));
        embedding.backward(gradients.getFirst(), embeddingMask == null ? d : d.mul(embeddingMask));
    }

    /** The gradient of the pictures' rows, which is taken out of d. */
    private INDArray taken(INDArray d) {
        int count = Arrays.stream(rows).max().orElse(-1) + 1;
        INDArray taken = Nd4j.zeros(d.dataType(), count, d.size(1));
        for (int p = 0; p < rows.length; p++) {
            if (rows[p] < 0) continue;
            taken.getRow(rows[p]).addi(d.getRow(p));
            d.getRow(p).assign(0);
        }
        return taken;
    }
}
