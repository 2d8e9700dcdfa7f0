package dev.outrider.trainer.layer;

import dev.outrider.data.shard.Hashes;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import dev.outrider.trainer.Batch;
import dev.outrider.trainer.loss.TokenLoss;

/**
 * What the layers of one graph share: the device, scratch memory, the rotary table, and the micro-batch
 * at hand. DL4J has no place for it, so {@link LlamaGraph} and {@link ClipGraph} set it on their layers.
 */
final class StepState implements AutoCloseable {
    final Device device;
    /** A norm's output or its gradient. [R, C] */
    final Scratch normed;
    /** Gradient of a SwiGLU's gate and up, then of q, k and v. [R, max(2I, (H+2G)·D)] */
    final Scratch wide;
    /** Gradient of what the MLP's last matrix reads, then of the attention's output. [R, max(I, H·D)] */
    final Scratch inner;
    /** What the MLP's last matrix reads, then a norm's input gradient. [R, max(I, C)] */
    final Scratch product;
    /** One chunk of logits. */
    final Scratch logits;

    private final RotaryAngles rotary;

    Batch batch;
    TokenLoss loss;
    double weight;
    /** Whether the gradients already hold those of an earlier micro-batch. */
    boolean accumulate;
    /** Whether all but the adapter stays as it is: then weights of the rest have no gradient. */
    boolean frozen;
    /** Share that dropout takes of the embedding's rows and of what a block adds to them; 0 unless a step is trained. */
    double dropout;
    /** Which ones it takes. */
    long dropoutSeed;
    /** M, pictures of the micro-batch. */
    int pictures;
    /** N, rows of a picture. */
    int pictureRows;
    /** [B·T] and more: ids of the micro-batch, below 0 for rows of its pictures. */
    int[] ids = {};

    StepState(Device device) {
        this.device = device;
        normed = new Scratch(device);
        wide = new Scratch(device);
        inner = new Scratch(device);
        product = new Scratch(device);
        logits = new Scratch(device);
        rotary = new RotaryAngles(device);
    }

    /** 1 where matrix gradients are added to what is there, 0 where they replace it. */
    float beta() {
        return accumulate ? 1 : 0;
    }

    /**
     * The micro-batch's ids in {@link #ids}, those of a sequence's pictures' rows counted on from those of the sequences before.
     */
    int[] own(Batch batch) {
        if (ids.length < batch.positions()) ids = new int[batch.positions()];
        int before = 0;
        for (int s = 0; s < batch.sequences(); s++) {
            for (int i = s * batch.time(); i < (s + 1) * batch.time(); i++) {
                int id = batch.tokens()[i];
                ids[i] = id < 0 ? id - before : id;
            }
            before += batch.shown(s).size() * pictureRows;
        }
        return ids;
    }

    /** The last row of the last picture; 0 without pictures. */
    int leastId() {
        return -pictures * pictureRows;
    }

    /** Dropout of x [R, C] in one of the graph's places, the same ones in the forward pass and in the backward one. */
    void drop(Buffer x, long elements, int place) {
        if (dropout > 0) device.dropout(x, elements, dropout, Hashes.mix(dropoutSeed + place));
    }

    RotaryAngles rotary() {
        return rotary;
    }

    /** The loss and its micro-batch, or an error where DL4J's own fit or score asks for one. */
    TokenLoss loss() {
        if (loss == null) throw new IllegalStateException("no loss is set: use LlamaGraph.step or evaluate");
        return loss;
    }

    void begin(Batch batch, TokenLoss loss, double weight) {
        this.batch = batch;
        this.loss = loss;
        this.weight = weight;
    }

    @Override
    public void close() {
        for (Scratch s : new Scratch[] {normed, wide, inner, product, logits}) s.close();
        rotary.close();
    }
}
