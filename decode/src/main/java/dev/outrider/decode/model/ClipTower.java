package dev.outrider.decode.model;

import dev.outrider.checkpoints.ClipConfig;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Tower;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A CLIP vision tower (Radford et al., 2103.00020; as transformers' CLIPVisionModel): patches through a matrix, the class
 * token before them, learned positions, a norm, then layers that norm first. One picture at a time, so that its
 * features do not depend on others. All memory is taken at the start.
 *
 * <p>Not safe for several threads.
 */
public final class ClipTower implements Features {
    private record Affine(Buffer gain, Buffer bias) {}

    private record Layer(Affine first, Linear qkv, Linear output, Affine second, Linear up, Linear down) {}

    private final Device device;
    private final ClipConfig config;
    private final HeldTensors tensors;
    private final Linear embedding;
    private final Buffer classToken, positions;
    private final Affine before;
    private final List<Layer> layers;

    /** [P, 3·p·p], and on the host. */
    private final Buffer patches;

    private final float[] cut;
    /** [P + 1, C], [P + 1, C], [P + 1, 3·C], [H, P + 1], [P + 1, I]. */
    private final Buffer x, normed, qkv, logSum, wide;

    /**
     * @param tower stays the caller's, and must outlive this
     * @param layers how many run, from the first; their weights alone are held
     */
    public ClipTower(Device device, Tower tower, int layers) {
        this.device = device;
        config = tower.config();
        tensors = new HeldTensors(device, tower::tensor, WeightType.STORED);
        int c = config.hiddenSize(), rows = rows();
        embedding = tensors.linear("embeddings.patch_embedding", config.patchValues(), c, false);
        classToken = tensors.floats("embeddings.class_embedding");
        positions = tensors.floats("embeddings.position_embedding.weight");
        before = affine("pre_layrnorm");
        this.layers = IntStream.range(0, layers).mapToObj(this::layer).toList();
        cut = new float[config.patches() * config.patchValues()];
        patches = device.allocate(DType.F32, cut.length);
        x = floats(rows, c);
        normed = floats(rows, c);
        qkv = floats(rows, 3 * c);
        logSum = floats(rows, config.heads());
        wide = floats(rows, config.intermediateSize());
    }

    private Buffer floats(int rows, int width) {
        return device.allocate(DType.F32, (long) rows * width);
    }

    private Affine affine(String name) {
        return new Affine(tensors.floats(name + ".weight"), tensors.floats(name + ".bias"));
    }

    private Layer layer(int index) {
        String at = "encoder.layers." + index + ".", attention = at + "self_attn.";
        int c = config.hiddenSize(), i = config.intermediateSize();
        List<String> three = List.of(attention + "q_proj", attention + "k_proj", attention + "v_proj");
        return new Layer(
                affine(at + "layer_norm1"),
                tensors.stacked(three, c, c),
                tensors.linear(attention + "out_proj", c, c, true),
                affine(at + "layer_norm2"),
                tensors.linear(at + "mlp.fc1", c, i, true),
                tensors.linear(at + "mlp.fc2", i, c, true));
    }

    public ClipConfig config() {
        return config;
    }

    @Override
    public int rows() {
        return config.patches() + 1;
    }

    @Override
    public int channels() {
        return config.hiddenSize();
    }

    @Override
    public int grid() {
        return config.grid();
    }

    @Override
    public void of(Picture picture, Buffer into) {
        float[] pixels = picture.pixels();
        int side = config.imageSize();
        if (pixels.length != config.pictureValues()) {
            throw Failure.data(
                    "picture " + picture.id(),
                    pixels.length + " values",
                    "3 x " + side + " x " + side + ", the tower's size",
                    "Prepare pictures with the tower's own preprocessor_config.json.");
        }
        hidden(pixels, into);
    }

    /**
     * The hidden state behind the last layer that runs, the class token's row first.
     *
     * @param pixels normalised, [3, side, side]
     * @param into F32 [P + 1, C]
     */
    public void hidden(float[] pixels, Buffer into) {
        embed(pixels);
        for (Layer layer : layers) {
            attention(layer);
            mlp(layer);
        }
        device.copy(x, into, (long) rows() * config.hiddenSize());
    }

    private void embed(float[] pixels) {
        int c = config.hiddenSize(), count = config.patches();
        cut(config, pixels, cut);
        device.upload(cut, 0, patches, cut.length);
        embedding.apply(device, x.slice(c, (long) count * c), patches, count, 0);
        device.copy(classToken, x, c);
        device.add(x, positions, (long) rows() * c);
        norm(x, before);
    }

    /**
     * A picture in patches, row by row; a patch's values in the order of the matrix's inputs: channel, row, column.
     *
     * @param pixels [3, side, side]
     * @param patches [P, 3·p·p], filled
     */
    public static void cut(ClipConfig config, float[] pixels, float[] patches) {
        int p = config.patchSize(), side = config.imageSize(), grid = config.grid(), at = 0;
        for (int patch = 0; patch < config.patches(); patch++) {
            int corner = patch / grid * p * side + patch % grid * p;
            for (int line = 0; line < config.channels() * p; line++, at += p) {
                int from = line / p * side * side + line % p * side + corner;
                System.arraycopy(pixels, from, patches, at, p);
            }
        }
    }

    private void norm(Buffer into, Affine norm) {
        device.layerNorm(into, x, norm.gain, norm.bias, rows(), config.hiddenSize(), (float) config.layerNormEps());
    }

    private void attention(Layer layer) {
        int rows = rows(), heads = config.heads();
        norm(normed, layer.first);
        layer.qkv.apply(device, qkv, normed, rows, 0);
        device.selfAttention(normed, logSum, qkv, 1, rows, heads, heads, config.headDim(), false);
        layer.output.apply(device, x, normed, rows, 1);
    }

    private void mlp(Layer layer) {
        int rows = rows();
        norm(normed, layer.second);
        layer.up.apply(device, wide, normed, rows, 0);
        device.gelu(config.activation(), wide, wide, (long) rows * config.intermediateSize());
        layer.down.apply(device, x, wide, rows, 1);
    }

    @Override
    public void close() {
        List.of(patches, x, normed, qkv, logSum, wide).forEach(device::free);
        tensors.close();
    }
}
