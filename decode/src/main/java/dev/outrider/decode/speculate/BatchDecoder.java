package dev.outrider.decode.speculate;

import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.cpu.Threads;
import dev.outrider.decode.model.Eyes;
import dev.outrider.decode.model.LlamaBatch;
import dev.outrider.decode.model.LlamaWeights;
import dev.outrider.decode.model.Picture;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Generates many texts at a time with one model: every step takes all of them a token further by one pass
 * over the weights. A text that ends makes room at once for the next of the queue; the prompts of texts that
 * begin together are read together, and of prompts that begin alike, pictures among it, the beginning once. Each text is
 * what {@link Decoder#autoregressive} makes of its request, up to the rounding of products; it does not depend on its
 * companions, its slot or its place in the queue, only on the number of slots. Not safe for several threads.
 */
public final class BatchDecoder implements AutoCloseable {
    /** Hears of answers and of progress, on the caller's thread. */
    public interface Watch {
        void answered(BatchAnswer answer);

        /** After every step. */
        default void stepped(int tokens) {}
    }

    /**
     * Where the time went, nanoseconds.
     *
     * @param prompts reading prompts
     * @param steps passes that take every text a token further
     * @param choice choosing tokens from logits
     * @param passes number of steps
     * @param read tokens of prompts that were read
     * @param shared tokens of prompts that another had read before
     */
    public record Times(long prompts, long steps, long choice, long passes, long read, long shared) {}

    private final LlamaBatch model;
    private final DraftVocabulary outputs;
    private final Threads threads;
    private final Slot[] slots;
    private final Sampler[] samplers;
    private final Threads.Part choosing = this::choose;
    private final AtomicInteger nextSlot = new AtomicInteger();
    private final int[] next;
    private long prompts, steps, choice, passes;

    /** Of a model that does not see: pictures are left out of prompts. */
    public BatchDecoder(Device device, Threads threads, LlamaWeights weights, int slots, int capacity, int topK) {
        this(device, threads, weights, Optional.empty(), slots, capacity, topK);
    }

    /**
     * @param threads choose tokens; a CpuDevice's own may serve
     * @param weights stay the caller's, and must outlive the decoder
     * @param eyes of the same model
     * @param slots texts at a time; of one text, 8 pictures more than that
     * @param capacity most tokens of a text, prompt and answer together, a picture's rows among them
     * @param topK ids whose probabilities are kept at every token, see {@link TopLaws}; 0: none
     */
    public BatchDecoder(
            Device device,
            Threads threads,
            LlamaWeights weights,
            Optional<Eyes> eyes,
            int slots,
            int capacity,
            int topK) {
        if (slots < 1 || topK < 0) throw new IllegalArgumentException(slots + " slots, top " + topK);
        this.threads = threads;
        model = new LlamaBatch(device, weights, eyes, slots, capacity);
        outputs = model.outputs().orElse(null);
        this.slots = IntStream.range(0, slots).mapToObj(s -> new Slot(s, topK)).toArray(Slot[]::new);
        samplers = Stream.generate(() -> new Sampler(model.logits()))
                .limit(threads.count())
                .toArray(Sampler[]::new);
        next = new int[slots];
        Arrays.fill(next, LlamaBatch.IDLE);
    }

    public Times times() {
        return new Times(prompts, steps, choice, passes, model.tokensRead(), model.tokensShared());
    }

    /** Forgets what was read before: to be called between runs whenever the weights have changed. */
    public void forget() {
        model.forget();
    }

    /** Answers all requests; the iterator is asked for the next when there is room for it. */
    public void run(Iterator<BatchRequest> requests, Watch watch) {
        try {
            while (admit(requests, watch) > 0) {
                advance();
                chooseAll();
                int tokens = settle(watch);
                watch.stepped(tokens);
            }
        } finally {
            for (Slot slot : slots) slot.clear();
            Arrays.fill(next, LlamaBatch.IDLE);
        }
    }

    // Fills free slots and reads their prompts; the number of texts in work. What cannot begin is answered at once.
    private int admit(Iterator<BatchRequest> requests, Watch watch) {
        long from = System.nanoTime();
        int busy = 0;
        for (Slot slot : slots) {
            while (slot.request == null && requests.hasNext()) {
                slot.begin(requests.next());
                if (slot.failure != null) end(slot, watch);
            }
            if (slot.request != null) busy++;
        }
        model.read();
        prompts += System.nanoTime() - from;
        return busy;
    }

    private void chooseAll() {
        long from = System.nanoTime();
        nextSlot.set(0);
        threads.run(samplers.length, choosing);
        choice += System.nanoTime() - from;
    }

    private void choose(int part) {
        for (int s = nextSlot.getAndIncrement(); s < slots.length; s = nextSlot.getAndIncrement()) {
            if (slots[s].request != null) slots[s].choose(samplers[part]);
        }
    }

    private int settle(Watch watch) {
        int tokens = 0;
        for (Slot slot : slots) {
            next[slot.index] = LlamaBatch.IDLE;
            if (slot.request == null) continue;
            tokens++;
            if (slot.settle()) end(slot, watch);
            else next[slot.index] = slot.token;
        }
        return tokens;
    }

    private static void end(Slot slot, Watch watch) {
        BatchAnswer answer = slot.answer();
        slot.clear();
        watch.answered(answer);
    }

    private void advance() {
        long from = System.nanoTime();
        model.step(next);
        passes++;
        steps += System.nanoTime() - from;
    }

    /** Tokens that a prompt takes of the capacity: for a picture as many as the model reads of one, or none. */
    public int rows(int[] prompt) {
        return model.rows(prompt);
    }

    /** @throws Failure USAGE unless the prompt has tokens and fits, DATA where the vocabulary does not have them */
    public void check(int[] prompt) {
        int rows = rows(prompt);
        if (rows < 1 || rows > model.capacity()) {
            throw Failure.usage(
                    "prompt",
                    rows + " tokens",
                    "1 to " + model.capacity() + ", the room in the target's cache",
                    "Begin the text with the BOS token; shorten it, or open the model with a larger context.");
        }
        model.check(prompt);
    }

    // Of an index of a row of logits: the target's id, where the model says only some tokens.
    private int id(int entry) {
        return outputs == null ? entry : outputs.target(entry);
    }

    /** The index in a row of logits of an id; -1 if it cannot be said. */
    private int entry(int id) {
        return outputs == null ? id : outputs.draft(id);
    }

    @Override
    public void close() {
        model.close();
    }

    /** One text in work. */
    private final class Slot {
        final int index;
        private final int topK;
        private BatchRequest request;
        private Transcript transcript;
        private RandomGenerator random;
        private History history;
        private int token, chosen;
        private Failure failure;
        private int[] topIds = {};
        private float[] topLogs = {};

        Slot(int index, int topK) {
            this.index = index;
            this.topK = topK;
        }

        void begin(BatchRequest request) {
            int[] prompt = request.prompt();
            check(prompt);
            this.request = request;
            int room = model.capacity() - rows(prompt) + 1;
            transcript = new Transcript(request.limits(), room, Listener.NONE);
            // The Decoder's first stream, which decides for the target.
            random = Chance.generators(request.seed(), 2)[0];
            remember();
            int kept = topK * Math.min(room, request.limits().maxTokens());
            if (topIds.length < kept) {
                topIds = new int[kept];
                topLogs = new float[kept];
            }
            read(prompt);
        }

        private void read(int[] prompt) {
            try {
                next[index] = model.begin(index, prompt, request.pictures());
            } catch (Failure e) {
                failure = e;
            }
        }

        private void remember() {
            if (request.sampling().repetitionPenalty() == 1) return;
            history = new History(model.logits());
            for (int id : Picture.left(request.prompt())) if (entry(id) >= 0) history.push(entry(id));
        }

        void choose(Sampler sampler) {
            try {
                model.logits(index, sampler.logits);
                if (topK > 0) top(sampler);
                int entry = sampler.choose(request.sampling(), random, history);
                if (history != null) history.push(entry);
                token = id(entry);
                chosen++;
            } catch (Failure e) {
                failure = e;
            }
        }

        private void top(Sampler sampler) {
            int at = topK * chosen;
            sampler.top(topK, topIds, topLogs, at);
            for (int i = at; i < at + topK; i++) if (topIds[i] >= 0) topIds[i] = id(topIds[i]);
        }

        /** Whether the text has ended. */
        boolean settle() {
            if (failure == null) transcript.add(token, false);
            return failure != null || transcript.ended();
        }

        BatchAnswer answer() {
            TopLaws laws = topK == 0
                    ? TopLaws.NONE
                    : new TopLaws(topK, Arrays.copyOf(topIds, topK * chosen), Arrays.copyOf(topLogs, topK * chosen));
            return new BatchAnswer(
                    request,
                    transcript.tokens(),
                    transcript.finish(),
                    transcript.text(),
                    laws,
                    Optional.ofNullable(failure));
        }

        void clear() {
            model.clear(index);
            request = null;
            transcript = null;
            history = null;
            failure = null;
            chosen = 0;
        }
    }
}
