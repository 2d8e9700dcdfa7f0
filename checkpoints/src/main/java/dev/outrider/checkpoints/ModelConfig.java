package dev.outrider.checkpoints;

import java.util.List;
import java.util.Map;

/**
 * The shape of a LLaMA model, as {@code config.json} of LlamaForCausalLM gives it.
 *
 * @param vocabSize rows of embedding and head, V
 * @param hiddenSize C
 * @param intermediateSize width of the SwiGLU, I
 * @param heads query heads, H
 * @param kvHeads key/value heads; divides heads
 * @param headDim channels per head, D; heads * headDim need not equal hiddenSize
 * @param maxPositions longest context
 * @param eosIds end tokens, possibly several, possibly none
 * @param bosId begin token, or -1
 * @param padId padding token, or -1; its embedding row gets no gradient from look-ups (transformers' padding_idx)
 * @param dtype type the weights are stored in
 * @param outputSize rows of the head, V'; less than V for a draft that can say only some tokens
 *     ({@link DraftVocabulary}), else V, for which 0 may be given
 */
public record ModelConfig(
        int vocabSize,
        int hiddenSize,
        int intermediateSize,
        int layers,
        int heads,
        int kvHeads,
        int headDim,
        int maxPositions,
        double rmsNormEps,
        double ropeTheta,
        RopeScaling ropeScaling,
        boolean tiedEmbeddings,
        boolean attentionBias,
        boolean mlpBias,
        int bosId,
        List<Integer> eosIds,
        int padId,
        DType dtype,
        int outputSize) {

    public ModelConfig {
        eosIds = List.copyOf(eosIds);
        outputSize = outputSize == 0 ? vocabSize : outputSize;
        checkOutputs(vocabSize, outputSize, tiedEmbeddings);
        if (kvHeads <= 0 || heads % kvHeads != 0) {
            throw Failure.usage(
                    "model shape",
                    heads + " heads over " + kvHeads + " key/value heads",
                    "a multiple",
                    "Choose num_key_value_heads that divides num_attention_heads.");
        }
        if (headDim % 2 != 0) {
            throw Failure.usage(
                    "model shape", "head_dim " + headDim, "an even number (rotary pairs)", "Change head_dim.");
        }
    }

    private static void checkOutputs(int vocabSize, int outputSize, boolean tied) {
        if (outputSize == vocabSize || outputSize > 0 && outputSize < vocabSize && !tied) return;
        throw Failure.usage(
                "model shape",
                "a head of " + outputSize + " rows" + (tied ? ", tied to the embedding" : ""),
                "1 to " + vocabSize + " rows (vocab_size), with a matrix of its own if fewer",
                "Choose another draft_vocab_size, or set tie_word_embeddings to false.");
    }

    /** With a head of all V rows. */
    public ModelConfig(
            int vocabSize,
            int hiddenSize,
            int intermediateSize,
            int layers,
            int heads,
            int kvHeads,
            int headDim,
            int maxPositions,
            double rmsNormEps,
            double ropeTheta,
            RopeScaling ropeScaling,
            boolean tiedEmbeddings,
            boolean attentionBias,
            boolean mlpBias,
            int bosId,
            List<Integer> eosIds,
            int padId,
            DType dtype) {
        this(
                vocabSize,
                hiddenSize,
                intermediateSize,
                layers,
                heads,
                kvHeads,
                headDim,
                maxPositions,
                rmsNormEps,
                ropeTheta,
                ropeScaling,
                tiedEmbeddings,
                attentionBias,
                mlpBias,
                bosId,
                eosIds,
                padId,
                dtype,
                vocabSize);
    }

    /** Without a padding token. */
    public ModelConfig(
            int vocabSize,
            int hiddenSize,
            int intermediateSize,
            int layers,
            int heads,
            int kvHeads,
            int headDim,
            int maxPositions,
            double rmsNormEps,
            double ropeTheta,
            RopeScaling ropeScaling,
            boolean tiedEmbeddings,
            boolean attentionBias,
            boolean mlpBias,
            int bosId,
            List<Integer> eosIds,
            DType dtype) {
        this(
                vocabSize,
                hiddenSize,
                intermediateSize,
                layers,
                heads,
                kvHeads,
                headDim,
                maxPositions,
                rmsNormEps,
                ropeTheta,
                ropeScaling,
                tiedEmbeddings,
                attentionBias,
                mlpBias,
                bosId,
                eosIds,
                -1,
                dtype);
    }

    /** A plain draft: multi-head, untied, no biases, RoPE base 10,000, epsilon 1e-5, float32. */
    public static ModelConfig draft(
            int vocabSize, int hidden, int intermediate, int layers, int heads, int maxPositions, int bos, int eos) {
        return new ModelConfig(
                vocabSize,
                hidden,
                intermediate,
                layers,
                heads,
                heads,
                hidden / heads,
                maxPositions,
                1e-5,
                10000,
                new RopeScaling.None(),
                false,
                false,
                false,
                bos,
                List.of(eos),
                DType.F32);
    }

    /** The same shape, its weights stored in another type. */
    public ModelConfig storedAs(DType type) {
        return with(type, outputSize);
    }

    /** The same shape with a head of its own for some of the tokens. */
    public ModelConfig withOutputs(int size) {
        return with(dtype, size);
    }

    /** Whether the draft can say only some of the tokens that it reads. */
    public boolean pruned() {
        return outputSize < vocabSize;
    }

    private ModelConfig with(DType type, int outputs) {
        return new ModelConfig(
                vocabSize,
                hiddenSize,
                intermediateSize,
                layers,
                heads,
                kvHeads,
                headDim,
                maxPositions,
                rmsNormEps,
                ropeTheta,
                ropeScaling,
                tiedEmbeddings,
                attentionBias,
                mlpBias,
                bosId,
                eosIds,
                padId,
                type,
                outputs);
    }

    /** Another vocabulary, with a head of its own, and another residual stream; see {@link VocabularyPadding}. */
    ModelConfig widened(int vocabulary, int hidden, double eps) {
        return new ModelConfig(
                vocabulary,
                hidden,
                intermediateSize,
                layers,
                heads,
                kvHeads,
                headDim,
                maxPositions,
                eps,
                ropeTheta,
                ropeScaling,
                false,
                attentionBias,
                mlpBias,
                bosId,
                eosIds,
                padId,
                dtype,
                vocabulary);
    }

    /** Number of parameters; 116.9 M for the draft of arXiv 2404.08856 (V 32,000, C 1,024, I 2,816, 4 layers). */
    public long parameters() {
        long q = (long) heads * headDim, kv = (long) kvHeads * headDim, c = hiddenSize, i = intermediateSize;
        long attention = c * (q + 2 * kv) + q * c + (attentionBias ? q + 2 * kv + c : 0);
        long mlp = 3 * c * i + (mlpBias ? 2 * i + c : 0);
        return layers * (attention + mlp + 2 * c) + c + (vocabSize + (tiedEmbeddings ? 0L : outputSize)) * c;
    }

    /** The shapes of all its tensors, by their Hugging Face names. */
    public Map<String, long[]> tensors() {
        return new LlamaLayout(this).shapes();
    }

    /** Parameters that take part in matrix products for a token: all but the embedding look-up. */
    public long productParameters() {
        return parameters() - (tiedEmbeddings ? 0 : (long) vocabSize * hiddenSize);
    }

    /** Radians per position for each of the headDim/2 rotary pairs, after scaling. */
    public double[] inverseFrequencies() {
        double[] f = ropeScaling.divisors(headDim / 2, ropeTheta);
        for (int i = 0; i < f.length; i++) f[i] = Math.pow(ropeTheta, -2.0 * i / headDim) / f[i];
        return f;
    }
}
