package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Vision;
import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.model.Eyes;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.model.Pooling;
import dev.outrider.decode.model.Sight;
import dev.outrider.trainer.Batch;
import java.util.Optional;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A graph's way to see: a frozen tower's features of a micro-batch's pictures, its adapter, and where its rows go. */
final class PictureInput {
    private final VisionConfig config;
    private final Adapter.Run adapter;
    private final PictureRows.Run rows;
    private final StepState state;
    /** [M, N, towerWidth] */
    private final Activation features = new Activation(DataType.FLOAT);

    private Sight sight;
    private Pooling pooling;

    PictureInput(VisionConfig config, Adapter.Run adapter, PictureRows.Run rows, StepState state) {
        this.config = config;
        this.adapter = adapter;
        this.rows = rows;
        this.state = state;
        adapter.attach(state);
        rows.attach(state);
    }

    Adapter.Run adapter() {
        return adapter;
    }

    void look(Sight sight) {
        new Eyes(vision(), sight);
        this.sight = sight;
        pooling = new Pooling(config, sight.grid());
        state.pictureRows = pooling.rows();
    }

    /** The adapter as it is at any time, for decoding; empty before {@link #look}. */
    Optional<Eyes> eyes() {
        return Optional.ofNullable(sight).map(s -> new Eyes(vision(), s));
    }

    private Vision vision() {
        return Vision.of(config, adapter.tensors(adapter::parameter));
    }

    /** What the adapter reads of the micro-batch's pictures; of nothing, where it has none. */
    INDArray features(Batch batch) {
        state.pictures = 0;
        for (int s = 0; s < batch.sequences(); s++)
            state.pictures += batch.shown(s).size();
        // Also of pictures that were left out: a draft that sees would train well on them, and see nothing.
        batch.pictures().ifPresent(p -> check(p.rows()));
        INDArray array = features.of(Math.max(1, state.pictures), Math.max(1, state.pictureRows), config.towerWidth());
        long each = (long) state.pictureRows * config.towerWidth();
        int m = 0;
        for (int s = 0; s < batch.sequences(); s++) {
            for (Picture p : batch.shown(s)) read(p, features.buffer().slice(m++ * each, each));
        }
        return array;
    }

    private void check(int rows) {
        if (sight == null) throw new IllegalStateException("pictures, and no tower to look through");
        if (rows == state.pictureRows) return;
        throw Failure.usage(
                "pictures of a batch",
                rows + " rows of each",
                state.pictureRows + ", which the adapter makes of one",
                "Read the rows for this draft: a picture takes as many as LlamaGraph.pictureRows says.");
    }

    private void read(Picture picture, Buffer into) {
        pooling.apply(state.device, sight.features(picture), into);
    }

    /** The adapter's rows of such features into the embedding's output. */
    void into(INDArray embedded, INDArray features) {
        adapter.setInput(features, LayerWorkspaceMgr.noWorkspaces());
        rows.put(embedded, adapter.activate(false, LayerWorkspaceMgr.noWorkspaces()));
    }

    void release() {
        adapter.release();
        rows.release();
        features.close();
    }
}
