package dev.outrider.trainer;

import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.LlamaWeights;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.speculate.BatchAnswer;
import dev.outrider.decode.speculate.BatchDecoder;
import dev.outrider.decode.speculate.BatchRequest;
import dev.outrider.decode.speculate.Limits;
import dev.outrider.decode.speculate.Sampling;
import dev.outrider.trainer.layer.LlamaGraph;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The draft in training writes texts: batched decoding over the very memory that the optimiser updates. */
final class DraftWriter implements AutoCloseable {
    /**
     * A text's beginning.
     *
     * @param row whose place in the batch the text takes
     * @param prompt at least one token, with placeholders of pictures
     * @param pictures that they stand for
     * @param start where the text goes on in the draft's own reading, rows of pictures counted as it reads them
     * @param room most tokens to write
     * @param seed of this text's draws, so that others do not matter to it
     */
    record Opening(int row, int[] prompt, List<Picture> pictures, int start, int room, long seed) {
        int length() {
            return start + room;
        }
    }

    private final CpuDevice device;
    private final ModelConfig config;
    private final Sampling sampling;
    private final int slots;
    private final Set<Integer> ends;
    private final LlamaWeights weights;
    private final LlamaGraph graph;
    private BatchDecoder decoder;
    private int capacity;

    /** @param slots texts at a time */
    DraftWriter(LlamaGraph graph, CpuDevice device, Sampling sampling, int slots) {
        this.graph = graph;
        this.device = device;
        this.config = graph.config();
        this.sampling = sampling;
        this.slots = slots;
        ends = Set.copyOf(config.eosIds());
        weights = graph.decoding();
    }

    /**
     * What the draft makes of each of them with its weights as they are now: its own tokens, the end token included
     * if it came to one.
     */
    Map<Opening, int[]> write(List<Opening> openings) {
        reserve(openings.stream().mapToInt(Opening::length).max().orElse(0));
        decoder.forget();
        Map<BatchRequest, Opening> asked = new IdentityHashMap<>();
        Map<Opening, int[]> texts = new IdentityHashMap<>();
        List<BatchRequest> requests = openings.stream().map(this::request).toList();
        for (int i = 0; i < requests.size(); i++) asked.put(requests.get(i), openings.get(i));
        decoder.run(requests.iterator(), answer -> texts.put(asked.get(answer.request()), tokens(answer)));
        return texts;
    }

    private BatchRequest request(Opening opening) {
        return new BatchRequest(
                opening.prompt, opening.pictures, sampling, new Limits(opening.room, ends), opening.seed);
    }

    private static int[] tokens(BatchAnswer answer) {
        if (answer.failure().isPresent()) throw answer.failure().get();
        return answer.tokens();
    }

    // All the context that there is, at most: rows of one length need one decoder.
    private void reserve(int length) {
        if (decoder != null && capacity >= length) return;
        if (decoder != null) decoder.close();
        capacity = Math.min(config.maxPositions(), Math.max(1, length));
        decoder = new BatchDecoder(device, device.threads(), weights, graph.decodingEyes(), slots, capacity, 0);
    }

    @Override
    public void close() {
        if (decoder != null) decoder.close();
        weights.close();
    }
}
