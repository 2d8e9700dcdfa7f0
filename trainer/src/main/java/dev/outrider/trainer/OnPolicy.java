package dev.outrider.trainer;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Safetensors;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.speculate.Sampling;
import dev.outrider.trainer.layer.LlamaGraph;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.Collectors;

/**
 * On-policy distillation (GKD, Agarwal et al., 2306.13649): the draft learns on what it says itself, since that
 * is what it will be asked about when it drafts. Of a source's rows a share keeps its beginning only, and the
 * draft goes on from there with the weights that it has then; the loss, whose teacher scores the text online,
 * counts these tokens alone. All other rows are handed on as they are, so that one loss, and what it gathers
 * over a step, covers both kinds.
 *
 * <p>Laws stored with the rows are left out: the teacher of the loss must be a model.
 *
 * <p>Rows are written for a while ahead, many at a time. Those that wait are saved with every checkpoint, so
 * that a step is a function of checkpoint, number and seed, and a resumed run equals an uninterrupted one.
 */
public final class OnPolicy implements Source.Rows, AutoCloseable {
    /** Where in a row the draft takes over. */
    public enum Start {
        /** At the first token of an answer: of one drawn at random, where a row has several. */
        ANSWER,
        /** At any supervised token: what was said before it is the target's. */
        WITHIN
    }

    /**
     * @param share of the rows that the draft writes, in (0, 1]
     * @param start where it takes over
     * @param sampling how its tokens are drawn; GKD's own choice is temperature 1
     * @param maxTokens most tokens that it writes in a row, 1 or more; the row's length is a limit as well
     * @param ahead rows of the source, of both kinds, prepared at a time: steps between two refreshes times rows of a step
     * @param slots texts written at a time; the memory of so many caches, and what is drawn depends on it
     * @param seed of all draws
     */
    public record Settings(
            double share, Start start, Sampling sampling, int maxTokens, int ahead, int slots, long seed) {
        public Settings {
            check(share > 0 && share <= 1, "share " + share, "more than 0, at most 1");
            check(maxTokens > 0, "max tokens " + maxTokens, "1 or more");
            check(ahead > 0, "rows ahead " + ahead, "1 or more");
            check(slots > 0, "slots " + slots, "1 or more");
        }

        private static void check(boolean ok, String found, String expected) {
            if (!ok) throw Failure.usage("on-policy rows", found, expected, "Correct the setting.");
        }
    }

    private static final RandomGeneratorFactory<RandomGenerator> GENERATORS =
            RandomGeneratorFactory.of("L64X128MixRandom");
    private static final String FIRST = "first", TOKENS = "tokens", LABELS = "labels", COUNTED = "counted";
    private static final String TEXTS = "texts", PLACES = "places", PICTURES = "pictures-", ROWS = "rows";

    private final Source.Rows rows;
    private final Settings settings;
    private final DraftWriter writer;
    private final int padding;
    private final Function<String, Picture> pictures;
    private Batch held;
    private long first;

    /**
     * @param graph the draft in training, to be closed after this
     * @param device that it lies on
     * @param rows whose supervised parts are answers
     */
    public OnPolicy(LlamaGraph graph, CpuDevice device, Source.Rows rows, Settings settings) {
        this(graph, device, rows, settings, id -> {
            throw Failure.usage(
                    "rows that wait in the checkpoint",
                    "picture " + id,
                    "no pictures: none were given to this run",
                    "Give the pictures' store that the run began with.");
        });
    }

    /**
     * The same with rows that have pictures.
     *
     * @param pictures by their ids, for rows that wait in a checkpoint
     */
    public OnPolicy(
            LlamaGraph graph,
            CpuDevice device,
            Source.Rows rows,
            Settings settings,
            Function<String, Picture> pictures) {
        this.pictures = pictures;
        this.rows = rows;
        this.settings = settings;
        this.writer = new DraftWriter(graph, device, settings.sampling(), settings.slots());
        this.padding = Math.max(0, graph.config().padId());
    }

    /** Whether the draft writes the row at this position. */
    boolean own(long position) {
        double share = settings.share();
        return Math.floor((position + 1) * share + 1e-9) > Math.floor(position * share + 1e-9);
    }

    @Override
    public Batch read(long from, int count) {
        if (held == null || from < first || from + count > first + held.sequences()) prepare(from, count);
        int at = Math.toIntExact(from - first);
        return held.part(at, at + count);
    }

    private void prepare(long from, int count) {
        Batch batch = rows.read(from, Math.max(count, settings.ahead()));
        List<DraftWriter.Opening> openings = new ArrayList<>();
        for (int r = 0; r < batch.sequences(); r++) if (own(from + r)) open(batch, r, from + r, openings);
        held = written(batch, writer.write(openings));
        first = from;
    }

    private void open(Batch batch, int row, long position, List<DraftWriter.Opening> openings) {
        RandomGenerator random = GENERATORS.create(settings.seed() * 0x9e3779b97f4a7c15L + position);
        int[] starts = starts(batch, row * batch.time());
        if (starts.length == 0) return;
        int start = starts[random.nextInt(starts.length)], at = row * batch.time();
        int room = Math.min(settings.maxTokens(), batch.time() - start);
        openings.add(batch.pictures()
                .map(all -> all.texts().get(row))
                .map(text -> new DraftWriter.Opening(
                        row, text.before(start), text.pictures(), start, room, random.nextLong()))
                .orElseGet(() -> new DraftWriter.Opening(
                        row,
                        Arrays.copyOfRange(batch.tokens(), at, at + start),
                        List.of(),
                        start,
                        room,
                        random.nextLong())));
    }

    /** Positions in the row whose token may be the draft's first. */
    private int[] starts(Batch batch, int at) {
        int[] starts = new int[batch.time()];
        int n = 0;
        for (int t = 1; t < batch.time(); t++) {
            boolean supervised = batch.counted()[at + t - 1] != 0;
            boolean before = t > 1 && batch.counted()[at + t - 2] != 0;
            if (supervised && (!before || settings.start() == Start.WITHIN)) starts[n++] = t;
        }
        return Arrays.copyOf(starts, n);
    }

    private Batch written(Batch batch, Map<DraftWriter.Opening, int[]> texts) {
        int time = batch.time();
        int[] tokens = batch.tokens().clone(), labels = batch.labels().clone();
        byte[] counted = batch.counted().clone();
        List<BatchPictures.Text> written =
                new ArrayList<>(batch.pictures().map(BatchPictures::texts).orElse(List.of()));
        texts.forEach((opening, text) -> {
            int at = opening.row() * time;
            Batch row = row(Arrays.copyOfRange(batch.tokens(), at, at + opening.start()), text, time);
            if (!written.isEmpty())
                written.set(opening.row(), written.get(opening.row()).goingOn(opening.start(), text));
            System.arraycopy(row.tokens(), 0, tokens, opening.row() * time, time);
            System.arraycopy(row.labels(), 0, labels, opening.row() * time, time);
            System.arraycopy(row.counted(), 0, counted, opening.row() * time, time);
        });
        Batch all = new Batch(batch.sequences(), time, tokens, labels, counted);
        return batch.pictures()
                .map(p -> all.with(new BatchPictures(p.rows(), written)))
                .orElse(all);
    }

    private Batch row(int[] prompt, int[] text, int time) {
        int start = prompt.length;
        int[] tokens = Arrays.copyOf(prompt, time);
        byte[] supervised = new byte[time];
        Arrays.fill(tokens, start, time, padding);
        System.arraycopy(text, 0, tokens, start, text.length);
        Arrays.fill(supervised, start, start + text.length, (byte) 1);
        return Batch.nextToken(1, time, tokens, supervised);
    }

    // ---- checkpoints ------------------------------------------------------------------------------

    @Override
    public void save(Path file) {
        if (held == null) return;
        long[] shape = {held.sequences(), held.time()};
        List<Tensor> tensors = new ArrayList<>(List.of(
                tensor(TOKENS, held.tokens(), shape),
                tensor(LABELS, held.labels(), shape),
                new Tensor(COUNTED, DType.U8, shape, MemorySegment.ofArray(held.counted()))));
        Map<String, String> facts = new HashMap<>(Map.of(FIRST, Long.toString(first)));
        held.pictures().ifPresent(p -> save(p, shape, tensors, facts));
        Safetensors.write(file, tensors, facts);
    }

    private static void save(BatchPictures pictures, long[] shape, List<Tensor> to, Map<String, String> facts) {
        List<BatchPictures.Text> texts = pictures.texts();
        facts.put(ROWS, Integer.toString(pictures.rows()));
        to.add(tensor(
                PLACES,
                texts.stream().flatMapToInt(t -> Arrays.stream(t.places())).toArray(),
                shape));
        for (int r = 0; r < texts.size(); r++) {
            int[] ids = texts.get(r).ids();
            to.add(tensor(TEXTS + r, ids, ids.length));
            facts.put(
                    PICTURES + r,
                    texts.get(r).pictures().stream().map(Picture::id).collect(Collectors.joining(" ")));
        }
    }

    private static Tensor tensor(String name, int[] values, long... shape) {
        return new Tensor(name, DType.I32, shape, MemorySegment.ofArray(values));
    }

    @Override
    public void restore(Path file) {
        held = null;
        if (!Files.exists(file)) return;
        try (Safetensors saved = Safetensors.open(file)) {
            Tensor tokens = saved.tensor(TOKENS);
            int sequences = (int) tokens.shape()[0], time = (int) tokens.shape()[1];
            int[] counted = saved.tensor(COUNTED).ints();
            byte[] bytes = new byte[counted.length];
            for (int i = 0; i < bytes.length; i++) bytes[i] = (byte) counted[i];
            held = new Batch(
                    sequences, time, tokens.ints(), saved.tensor(LABELS).ints(), bytes);
            if (saved.metadata().containsKey(ROWS)) held = held.with(pictures(saved, sequences, time));
            first = Long.parseLong(saved.metadata().getOrDefault(FIRST, "0"));
        }
    }

    private BatchPictures pictures(Safetensors saved, int sequences, int time) {
        int[] places = saved.tensor(PLACES).ints();
        List<BatchPictures.Text> texts = new ArrayList<>();
        for (int r = 0; r < sequences; r++) {
            List<Picture> shown = Arrays.stream(
                            saved.metadata().getOrDefault(PICTURES + r, "").split(" "))
                    .filter(id -> !id.isEmpty())
                    .map(pictures)
                    .toList();
            int[] own = Arrays.copyOfRange(places, r * time, (r + 1) * time);
            texts.add(new BatchPictures.Text(saved.tensor(TEXTS + r).ints(), shown, own));
        }
        return new BatchPictures(Integer.parseInt(saved.metadata().get(ROWS)), texts);
    }

    @Override
    public void close() {
        writer.close();
    }
}
