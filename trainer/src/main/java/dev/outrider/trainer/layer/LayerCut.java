package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A shallower model out of a deeper one: the chosen layers in their order, with the embedding, the final norm
 * and the head of the whole. Everything else of the configuration is the deep model's too (width, heads,
 * rotary base and scaling, epsilon, special tokens), since the layers were trained with it.
 *
 * <p>With a vocabulary of its own the head is a matrix of its own: the rows of the whole head (or embedding,
 * where the deep model is tied) that belong to its tokens.
 *
 * @param of the deep model; must stay open as long as values are read
 * @param layers indices from 0, ascending
 * @param outputs the tokens that the shallow model is to say; empty: all
 */
public record LayerCut(Checkpoint of, List<Integer> layers, Optional<DraftVocabulary> outputs) {
    private static final String LAYER = "model.layers.", HEAD = "lm_head.weight";

    /** @throws Failure USAGE where no layer is named, or one that there is not, or not in their order */
    public LayerCut {
        layers = List.copyOf(layers);
        int count = of.config().layers();
        for (int i = 0; i < layers.size(); i++) {
            int least = i == 0 ? 0 : layers.get(i - 1) + 1;
            if (layers.get(i) < least || layers.get(i) >= count) throw refused(of, layers);
        }
        if (layers.isEmpty()) throw refused(of, layers);
        outputs.ifPresent(o -> checkOutputs(of.config(), o));
    }

    /** With all tokens. */
    public LayerCut(Checkpoint of, List<Integer> layers) {
        this(of, layers, Optional.empty());
    }

    private static void checkOutputs(ModelConfig deep, DraftVocabulary outputs) {
        if (!deep.pruned() && outputs.vocabulary() == deep.vocabSize() && outputs.size() < deep.vocabSize()) return;
        throw Failure.usage(
                "draft vocabulary",
                outputs.toString(),
                "some of the target's " + deep.vocabSize() + " tokens",
                "Choose it from answers of this target; leave it out where all tokens are to be said.");
    }

    private static Failure refused(Checkpoint of, List<Integer> layers) {
        return Failure.usage(
                "layers to take out of " + of.path(),
                layers.toString(),
                "ascending indices from 0 to " + (of.config().layers() - 1),
                "Name each layer of the target once, the lowest first.");
    }

    /** The first {@code count} of a model's layers. */
    public static List<Integer> first(int count) {
        return IntStream.range(0, count).boxed().toList();
    }

    /** {@code count} layers at even distances, first and last among them; of one, the first. */
    public static List<Integer> evenly(int count, int of) {
        if (count == 1) return List.of(0);
        return IntStream.range(0, count)
                .mapToObj(i -> Math.toIntExact(Math.round((double) i * (of - 1) / (count - 1))))
                .toList();
    }

    /** The deep model's configuration with so many layers, to be trained in F32. */
    public ModelConfig config() {
        ModelConfig c = of.config();
        return new ModelConfig(
                c.vocabSize(),
                c.hiddenSize(),
                c.intermediateSize(),
                layers.size(),
                c.heads(),
                c.kvHeads(),
                c.headDim(),
                c.maxPositions(),
                c.rmsNormEps(),
                c.ropeTheta(),
                c.ropeScaling(),
                outputs.isEmpty() && c.tiedEmbeddings(),
                c.attentionBias(),
                c.mlpBias(),
                c.bosId(),
                c.eosIds(),
                c.padId(),
                DType.F32,
                outputs.map(DraftVocabulary::size).orElse(c.outputSize()));
    }

    /** The value of one of the shallow model's tensors, as the deep one stores it. */
    public Tensor tensor(String name) {
        if (name.equals(HEAD) && outputs.isPresent()) return head(outputs.get());
        if (!name.startsWith(LAYER)) return of.tensor(name);
        int dot = name.indexOf('.', LAYER.length());
        int layer = Integer.parseInt(name.substring(LAYER.length(), dot));
        return of.tensor(LAYER + layers.get(layer) + name.substring(dot));
    }

    private Tensor head(DraftVocabulary said) {
        Tensor all = of.tensor(of.config().tiedEmbeddings() ? "model.embed_tokens.weight" : HEAD);
        long row = all.data().byteSize() / all.shape()[0];
        MemorySegment rows = MemorySegment.ofArray(new byte[Math.toIntExact(said.size() * row)]);
        for (int i = 0; i < said.size(); i++) {
            MemorySegment.copy(all.data(), said.target(i) * row, rows, i * row, row);
        }
        return new Tensor(HEAD, all.dtype(), new long[] {said.size(), all.shape()[1]}, rows);
    }
}
