package dev.outrider.checkpoints;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntUnaryOperator;

/**
 * Gives a model a head of N rows of which some stand for no token of its own, and are never said. LLaMA has no
 * bias that could forbid them, so the model is widened by k channels that hold a constant: every row of the
 * embedding has κ there, nothing is ever added to them, and the padded rows of the head hold -w there and 0
 * elsewhere, real rows the other way round. Servers that ask for as many rows as the target has take it as it is.
 *
 * <p><b>Real logits do not change.</b> With C' = C + k channels the norms see (Σx² + kκ²)/C' + ε'. Taking
 * ε' = (εC - kκ²)/C' makes that C/C' of what it was, and gains times √(C/C') make the output what it was:
 * exactly, but for the rounding of the gains (2^-24 of them in F32, 2^-9 in BF16). Gains in the new channels are 0,
 * but 1 for the last norm. A tied head is untied.
 *
 * <p><b>Padded logits are below all real ones.</b> A real logit is at least -B with B = √C max‖row ∘ g‖. The
 * last norm's constant channels hold κ√(C'/C)/√(mean x² + ε), and ‖x‖ ≤ R, the sum of what the embedding and
 * each layer can at most add (norms of their matrices, see {@link #reach}). So a padded logit is at most
 * -wkκ√(C'/C)/√(R²/C + ε), and w is chosen such that this is below -(B + {@link #CLEARANCE}): exp(-1000) is 0
 * in float64, so at temperatures up to 1 the probability of a padded row is no small number but 0.
 */
public final class VocabularyPadding {
    /** By how much, in nats, every padded logit is below every real one. */
    public static final double CLEARANCE = 1000;

    // No type of few bits may take the weights: their neighbours would be lost beside them.
    private static final double LEAST_WEIGHT = 1 << 24;
    private static final String LAST_NORM = "model.norm.weight";

    private final ModelConfig config;
    private final GivenTensors tensors;
    private final int rows;
    private final IntUnaryOperator source;
    private final int added;
    private final double constant;
    private final double least;
    private final double reach;
    private final double weight;

    private VocabularyPadding(ModelConfig config, List<Tensor> tensors, int rows, IntUnaryOperator source) {
        this.config = config;
        this.tensors = new GivenTensors(tensors);
        new LlamaLayout(config).check(this.tensors);
        this.rows = rows;
        this.source = source;
        this.added = added(config.hiddenSize(), config.heads());
        // A power of two: exact in every type, with kκ² at most half of εC
        double half = config.rmsNormEps() * config.hiddenSize() / (2.0 * added);
        this.constant = Math.pow(2, Math.floor(Math.log(half) / Math.log(2) / 2));
        this.reach = reach();
        this.least = largestLogit();
        this.weight = weight();
    }

    /** What a padded model is. Its tensors are kept for as long as anybody holds them. */
    public record Padded(ModelConfig config, List<Tensor> tensors) {}

    /**
     * A model whose vocabulary is shorter than the target's, brought to its size.
     *
     * @param rows N, at least V
     * @throws Failure USAGE where the model already has more rows
     */
    public static Padded to(int rows, ModelConfig config, List<Tensor> tensors) {
        if (rows < config.vocabSize()) {
            throw Failure.usage(
                    "padding of the vocabulary",
                    rows + " rows for a vocabulary of " + config.vocabSize(),
                    "at least as many",
                    "Give the number of rows that the target has.");
        }
        int real = config.vocabSize();
        if (rows == real && !config.pruned()) return new Padded(config, tensors);
        return new VocabularyPadding(config, tensors, rows, id -> id < real ? id : -1).padded();
    }

    /** A draft that says only some tokens, with a row of its head for each of so many (at least V) tokens. */
    public static Padded spread(int rows, ModelConfig config, List<Tensor> tensors, DraftVocabulary outputs) {
        int real = outputs.vocabulary();
        return new VocabularyPadding(config, tensors, rows, id -> id < real ? outputs.draft(id) : -1).padded();
    }

    // Servers want C' to be a multiple of the heads, and fast products one of 64; but never for an eighth of C more.
    private static int added(int hidden, int heads) {
        for (int align = 64; align > 1; align /= 2) {
            int k = toMultiple(hidden, lcm(heads, align));
            if (8 * k <= hidden) return k;
        }
        return toMultiple(hidden, heads);
    }

    private static int toMultiple(int hidden, int of) {
        return of - hidden % of;
    }

    private static int lcm(int a, int b) {
        return Math.multiplyExact(a / gcd(a, b), b);
    }

    private static int gcd(int a, int b) {
        return b == 0 ? a : gcd(b, a % b);
    }

    private Padded padded() {
        List<Tensor> widened = new ArrayList<>();
        ModelConfig to = widened();
        for (String name : new LlamaLayout(to).shapes().keySet()) widened.add(tensor(name));
        return new Padded(to, widened);
    }

    private ModelConfig widened() {
        double c = config.hiddenSize(), wide = c + added;
        double eps = (config.rmsNormEps() * c - added * constant * constant) / wide;
        return config.widened(rows, config.hiddenSize() + added, eps);
    }

    private Tensor tensor(String name) {
        Tensor t = name.equals(LlamaLayout.HEAD) ? head() : tensors.tensor(name);
        int c = config.hiddenSize(), i = config.intermediateSize(), q = config.heads() * config.headDim();
        if (name.equals(LlamaLayout.EMBEDDING))
            return copy(t, rows, c + added, id -> id < config.vocabSize() ? id : -1, constant, constant);
        if (name.equals(LlamaLayout.HEAD)) return copy(float32(t), rows, c + added, source, 0, -weight);
        if (name.endsWith("norm.weight")) return gains(t);
        if (name.endsWith("o_proj.weight")) return copy(t, c + added, q, this::ownChannel, 0, 0);
        if (name.endsWith("down_proj.weight")) return copy(t, c + added, i, this::ownChannel, 0, 0);
        if (name.endsWith("o_proj.bias") || name.endsWith("down_proj.bias")) return vector(t);
        if (name.endsWith(".bias")) return t;
        return copy(t, (int) t.shape()[0], c + added, row -> row, 0, 0);
    }

    private int ownChannel(int row) {
        return row < config.hiddenSize() ? row : -1;
    }

    private Tensor head() {
        Tensor t = tensors.tensor(config.tiedEmbeddings() ? LlamaLayout.EMBEDDING : LlamaLayout.HEAD);
        return new Tensor(LlamaLayout.HEAD, t.dtype(), t.shape(), t.data());
    }

    /** F16 has no room for the weights. */
    private static Tensor float32(Tensor t) {
        return t.dtype() == DType.F16 ? Tensor.of(t.name(), t.floats(), t.shape()) : t;
    }

    /** @param own value of the added columns in rows that have a source, {@code other} in rows without, else 0 */
    private static Tensor copy(Tensor t, int rows, int columns, IntUnaryOperator source, double own, double other) {
        int width = t.dtype().bytes, from = (int) t.shape()[1];
        MemorySegment to = Arena.ofAuto().allocate((long) rows * columns * width, 64);
        for (int r = 0; r < rows; r++) {
            int row = source.applyAsInt(r);
            long at = (long) r * columns * width;
            if (row >= 0) MemorySegment.copy(t.data(), (long) row * from * width, to, at, (long) from * width);
            for (int i = from; i < columns; i++) put(to, at + (long) i * width, t.dtype(), row >= 0 ? own : other);
        }
        return new Tensor(t.name(), t.dtype(), new long[] {rows, columns}, to);
    }

    private static void put(MemorySegment to, long at, DType type, double value) {
        switch (type) {
            case F32 -> to.set(Tensor.FLOAT, at, (float) value);
            case BF16 -> to.set(Tensor.SHORT, at, StorageConversion.bf16((float) value));
            case F16 -> to.set(Tensor.SHORT, at, Float.floatToFloat16((float) value));
            default -> throw new IllegalArgumentException("weights are not stored as " + type);
        }
    }

    private Tensor gains(Tensor t) {
        int c = config.hiddenSize();
        double scale = Math.sqrt((double) c / (c + added));
        float[] gains = Arrays.copyOf(t.floats(), c + added);
        for (int i = 0; i < c; i++) gains[i] = (float) (gains[i] * scale);
        if (t.name().equals(LAST_NORM)) Arrays.fill(gains, c, c + added, 1);
        return Tensor.of(t.name(), gains, gains.length);
    }

    private Tensor vector(Tensor t) {
        return Tensor.of(t.name(), Arrays.copyOf(t.floats(), config.hiddenSize() + added), config.hiddenSize() + added);
    }

    // ---- the bound ------------------------------------------------------------------------------

    // B: |row · (x/rms ∘ g)| ≤ ‖row ∘ g‖ √C
    private double largestLogit() {
        double[] norms = rowNorms(head(), tensors.tensor(LAST_NORM).doubles());
        return Math.sqrt(config.hiddenSize()) * Arrays.stream(norms).max().orElseThrow();
    }

    /**
     * R: what ‖x‖ can be behind the last layer. A norm's output is u ∘ g with ‖u‖ ≤ √C. Attention mixes values
     * with weights that sum to 1, a key/value head for H/KV heads: ‖o‖ ≤ ‖W_o‖ √(H/KV) (‖W_v g‖√C + ‖b_v‖)
     * + ‖b_o‖. As |silu(z)| ≤ |z|, channel i of the SwiGLU is at most (‖gate_i g‖√C + |b|)(‖up_i g‖√C + |b|).
     */
    private double reach() {
        double sum = Arrays.stream(rowNorms(tensors.tensor(LlamaLayout.EMBEDDING), null))
                .max()
                .orElseThrow();
        for (int layer = 0; layer < config.layers(); layer++) {
            String at = "model.layers." + layer + ".";
            sum += attention(at) + mlp(at);
        }
        return sum;
    }

    private double attention(String at) {
        double[] g = tensors.tensor(at + "input_layernorm.weight").doubles();
        double values = norm(outputs(at + "self_attn.v_proj", g));
        double repeated = Math.sqrt((double) config.heads() / config.kvHeads());
        return norm(rowNorms(tensors.tensor(at + "self_attn.o_proj.weight"), null)) * repeated * values
                + norm(bias(at + "self_attn.o_proj"));
    }

    private double mlp(String at) {
        double[] g = tensors.tensor(at + "post_attention_layernorm.weight").doubles();
        double[] gate = outputs(at + "mlp.gate_proj", g), up = outputs(at + "mlp.up_proj", g);
        double[] product = new double[gate.length];
        for (int i = 0; i < product.length; i++) product[i] = gate[i] * up[i];
        return norm(rowNorms(tensors.tensor(at + "mlp.down_proj.weight"), null)) * norm(product)
                + norm(bias(at + "mlp.down_proj"));
    }

    /** Of each output of a linear behind a norm the largest size. */
    private double[] outputs(String linear, double[] gains) {
        double[] most = rowNorms(tensors.tensor(linear + ".weight"), gains), bias = bias(linear);
        for (int i = 0; i < most.length; i++) {
            most[i] = Math.sqrt(config.hiddenSize()) * most[i] + (bias.length == 0 ? 0 : Math.abs(bias[i]));
        }
        return most;
    }

    private double[] bias(String linear) {
        String name = linear + ".bias";
        return tensors.names().contains(name) ? tensors.tensor(name).doubles() : new double[0];
    }

    /** Of each row r the norm of row ∘ gains (1 for null). */
    private static double[] rowNorms(Tensor t, double[] gains) {
        int rows = (int) t.shape()[0], columns = (int) t.shape()[1];
        double[] norms = new double[rows];
        for (int r = 0; r < rows; r++) {
            double sum = 0;
            for (int i = 0; i < columns; i++) {
                double x = t.value((long) r * columns + i) * (gains == null ? 1 : gains[i]);
                sum += x * x;
            }
            norms[r] = Math.sqrt(sum);
        }
        return norms;
    }

    private static double norm(double[] values) {
        return Math.sqrt(Arrays.stream(values).map(v -> v * v).sum());
    }

    // Twice what is needed, for what float32 rounds; and a power of two, exact in every type.
    private double weight() {
        double c = config.hiddenSize();
        double share =
                added * constant * Math.sqrt((c + added) / c) / Math.sqrt(reach * reach / c + config.rmsNormEps());
        double needed = Math.max(LEAST_WEIGHT, 2 * (least + CLEARANCE) / share);
        double weight = Math.pow(2, Math.ceil(Math.log(needed) / Math.log(2)));
        if (weight * added < Float.MAX_VALUE) return weight;
        throw Failure.data(
                "padding of the vocabulary",
                "weights that may add up to " + reach + " in the residual stream",
                "less than float32 can forbid rows of",
                "Export without export.pad_vocabulary.");
    }
}
