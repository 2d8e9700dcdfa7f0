package dev.outrider.trainer;

import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.LlamaWeights;
import dev.outrider.decode.speculate.Law;
import dev.outrider.decode.speculate.Sampling;
import dev.outrider.trainer.layer.LlamaGraph;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.random.RandomGenerator;

/** The draft in training writes text: decoding over the very memory that the optimiser updates. */
final class DraftWriter implements AutoCloseable {
    /** A text's beginning, and what the draft made of it. */
    static final class Opening {
        private final int row;
        private final int[] prompt;
        private final int room;
        private final RandomGenerator random;
        private int[] text = {};

        /**
         * @param row whose place in the batch the text takes
         * @param prompt at least one token
         * @param room most tokens to write
         * @param random of this text alone, so that others do not matter to it
         */
        Opening(int row, int[] prompt, int room, RandomGenerator random) {
            this.row = row;
            this.prompt = prompt;
            this.room = room;
            this.random = random;
        }

        int row() {
            return row;
        }

        int[] prompt() {
            return prompt;
        }

        /** What was written, its end token included if it came to one. */
        int[] text() {
            return text;
        }
    }

    private final LlamaGraph graph;
    private final Sampling sampling;
    private final Set<Integer> ends;
    private final LlamaWeights weights;
    private Llama model;
    private final Law law;
    private final float[] logits;

    DraftWriter(LlamaGraph graph, Sampling sampling) {
        this.graph = graph;
        this.sampling = sampling;
        ends = Set.copyOf(graph.config().eosIds());
        weights = graph.decoding();
        law = graph.outputs()
                .map(Law::new)
                .orElseGet(() -> new Law(graph.config().vocabSize()));
        logits = new float[graph.config().outputSize()];
    }

    /** Writes all of them with the weights as they are now. */
    void write(List<Opening> openings) {
        int capacity =
                openings.stream().mapToInt(o -> o.prompt.length + o.room).max().orElse(0);
        if (model == null || model.capacity() < capacity) open(capacity);
        openings.forEach(this::write);
    }

    private void open(int capacity) {
        if (model != null) model.close();
        model = new Llama(graph.device(), weights, capacity);
    }

    private void write(Opening opening) {
        int[] text = new int[opening.room];
        int n = 0;
        model.truncate(0);
        model.read(opening.prompt, 0, opening.prompt.length, 1);
        while (true) {
            model.logits(0, logits);
            text[n++] =
                    sampling.greedy() ? likeliest() : law.from(logits, sampling).draw(opening.random);
            if (n == text.length || ends.contains(text[n - 1])) break;
            model.read(text, n - 1, 1, 1);
        }
        opening.text = Arrays.copyOf(text, n);
    }

    private int likeliest() {
        int best = 0;
        for (int i = 1; i < logits.length; i++) if (logits[i] > logits[best]) best = i;
        int entry = best;
        return graph.outputs().map(o -> o.target(entry)).orElse(entry);
    }

    @Override
    public void close() {
        if (model != null) model.close();
        weights.close();
    }
}
