package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.ClipConfig;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.trainer.clip.PairBatch;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** A whole {@link ClipGraph} in the layers' references, in double. Captions are read one by one, so nothing is padded. */
final class ClipReference {
    private final Map<String, Map<String, INDArray>> parameters = new LinkedHashMap<>();
    private final Map<String, Map<String, INDArray>> gradients = new LinkedHashMap<>();
    private final ClipConfig seen;
    private final ModelConfig read;
    private final PatchEmbeddingReference entrance;
    private final List<TowerBlockReference> blocks = new ArrayList<>();
    private final PooledProjectionReference exit;

    ClipReference(ClipGraph graph) {
        for (var layer : graph.graph().getLayers()) copy(layer.conf().getLayer().getLayerName(), layer.paramTable());
        seen = graph.shape().pictures();
        read = graph.shape().captions();
        entrance = new PatchEmbeddingReference(parameters.get("patchEmbedding"), seen.layerNormEps());
        for (int i = 0; i < seen.layers(); i++) {
            blocks.add(new TowerBlockReference(seen, parameters.get("tower" + i)));
        }
        exit = new PooledProjectionReference(parameters.get("pictures"), seen.layerNormEps());
    }

    private void copy(String name, Map<String, INDArray> from) {
        Map<String, INDArray> values = new LinkedHashMap<>(), zeros = new LinkedHashMap<>();
        from.forEach((parameter, array) -> {
            values.put(parameter, array.dup('c').castTo(DataType.DOUBLE));
            zeros.put(parameter, Nd4j.zeros(DataType.DOUBLE, array.shape()));
        });
        parameters.put(name, values);
        gradients.put(name, zeros);
    }

    /** By layer and name. */
    Map<String, Map<String, INDArray>> gradients() {
        return gradients;
    }

    /** [B, E]; with the gradient of the result, the gradients of all parameters of the half. */
    INDArray pictures(PairBatch batch, INDArray d) {
        INDArray x = entrance.forward(patches(batch));
        int time = seen.patches() + 1;
        for (TowerBlockReference block : blocks) x = block.forward(x, batch.size(), time);
        int[] rows = new int[batch.size()];
        for (int i = 0; i < rows.length; i++) rows[i] = i * time;
        INDArray out = exit.forward(x, rows);
        INDArray back = exit.backward(gradients.get("pictures"), d);
        for (int i = blocks.size() - 1; i >= 0; i--) back = blocks.get(i).backward(gradients.get("tower" + i), back);
        entrance.backward(gradients.get("patchEmbedding"), back);
        return out;
    }

    // Values of patch (row, column): channel, line, place in the line.
    private INDArray patches(PairBatch batch) {
        int p = seen.patchSize(), side = seen.imageSize();
        INDArray all = Nd4j.create(DataType.DOUBLE, (long) batch.size() * seen.patches(), seen.patchValues());
        for (int r = 0; r < all.size(0); r++) {
            int patch = r % seen.patches(), top = patch / seen.grid() * p, left = patch % seen.grid() * p;
            for (int k = 0; k < seen.patchValues(); k++) {
                int channel = k / (p * p), line = k / p % p, place = k % p;
                int at = (channel * side + top + line) * side + left + place;
                all.putScalar(r, k, batch.pixels()[r / seen.patches()][at]);
            }
        }
        return all;
    }

    /** [B, E], as {@link #pictures}. */
    INDArray captions(PairBatch batch, INDArray d) {
        INDArray[] rows = new INDArray[batch.size()];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = caption(batch.captions()[i], d.getRow(i).reshape(1, d.size(1)));
        }
        return Nd4j.concat(0, rows);
    }

    private INDArray caption(int[] ids, INDArray d) {
        var embedding = new TokenEmbeddingReference();
        List<LlamaBlockReference> text = new ArrayList<>();
        INDArray x = embedding.forward(parameters.get("tokenEmbedding"), ids);
        for (int i = 0; i < read.layers(); i++) {
            text.add(new LlamaBlockReference(read, parameters.get("text" + i)));
            x = text.getLast().forward(x, 1, ids.length);
        }
        var last = new PooledProjectionReference(parameters.get("captions"), seen.layerNormEps());
        INDArray out = last.forward(x, new int[] {ids.length - 1});
        INDArray back = last.backward(gradients.get("captions"), d);
        for (int i = text.size() - 1; i >= 0; i--) back = text.get(i).backward(gradients.get("text" + i), back);
        embedding.backward(gradients.get("tokenEmbedding"), back);
        return out;
    }
}
