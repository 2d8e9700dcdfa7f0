package dev.outrider.data.conversation;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.ChatTemplate;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.SharedTokenizer;
import dev.outrider.data.SparkFailures;
import dev.outrider.data.SplitWriter;
import dev.outrider.data.image.ImageNames;
import dev.outrider.data.image.PictureIndex;
import dev.outrider.data.image.PictureStore;
import dev.outrider.data.shard.Hashes;
import dev.outrider.data.shard.ShardManifest;
import dev.outrider.data.shard.ShardRow;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.storage.StorageLevel;
import org.apache.spark.util.TaskCompletionListener;
import scala.Tuple2;

/**
 * From conversations to shards: exact duplicates out, near-duplicates out, evaluation prompts out, the model's
 * template applied, supervised on the assistant's words and end tokens alone. Equal prompts fall on one side of the
 * split, equal images too, and all that share some with them. The same rows and settings give the same bytes, however many partitions there are. The
 * files, the model and the output must be seen by every executor.
 */
public final class ConversationShards {
    private static final String READ = "read", CUT = "cut_at_length", LIST = "contamination.jsonl";
    private static final ObjectMapper JSON = new ObjectMapper();

    private final SparkSession spark;
    private final ConversationSpec spec;
    private final SharedTokenizer tokenizer;
    private final RowMaker maker;

    private ConversationShards(SparkSession spark, ConversationSpec spec) {
        this.spark = spark;
        this.spec = spec;
        this.tokenizer = SharedTokenizer.open(spec.model());
        ChatTemplate template = ChatTemplate.require(spec.model(), spec.template());
        this.maker = new RowMaker(
                tokenizer,
                spec.model().toAbsolutePath().toString(),
                spec.template().orElse(null),
                template.source(),
                LocalDateTime.now(),
                spec.words(),
                spec.sequenceLength(),
                spec.lastTurnOnly(),
                spec.blind(),
                spec.skipBadRows());
    }

    /**
     * What was written.
     *
     * @param counts rows read; kept; not taken, by reason; and how many of the kept were cut at T
     * @param examples for each reason a row and what is wrong with it
     * @param contaminated the conversations that held evaluation prompts; in the output as contamination.jsonl too
     */
    public record Report(
            Path output,
            Map<String, Long> counts,
            Map<String, String> examples,
            List<Contamination.Found> contaminated,
            ShardManifest train,
            Optional<ShardManifest> valid) {}

    /** A row before it is judged: its example, or why it is none; and how many there are of it. */
    private record Entry(Example example, String refused, String place, long copies) implements Serializable {
        Entry plus(Entry same) {
            Entry first = place.compareTo(same.place) <= 0 ? this : same;
            return new Entry(first.example, first.refused, first.place, copies + same.copies);
        }
    }

    private record Judged(RowMaker.Made made, boolean valid, String place, long copies, Contamination.Found found)
            implements Serializable {}

    /**
     * Makes spec.output() whole or not at all.
     *
     * @throws Failure DATA naming file and line for a bad row, unless those are skipped; where nothing is left
     */
    public static Report write(SparkSession spark, ConversationSpec spec) {
        SplitWriter.requireReplaceable(spec.output());
        return SparkFailures.unwrapped(() -> new ConversationShards(spark, spec).run());
    }

    private Report run() {
        JavaPairRDD<String, Entry> entries = distinct(rows()).persist(StorageLevel.MEMORY_AND_DISK_SER());
        JavaPairRDD<String, Judged> judged = judged(entries).persist(StorageLevel.MEMORY_AND_DISK_SER());
        try {
            Map<String, Long> counts = counts(judged);
            return write(judged, counts, examples(judged), contaminated(judged));
        } finally {
            judged.unpersist(false);
            entries.unpersist(false);
        }
    }

    private JavaRDD<ConversationFiles.Row> rows() {
        List<String> files = spec.files().files();
        var context = JavaSparkContext.fromSparkContext(spark.sparkContext());
        ConversationFiles source = spec.files();
        // One task reads a file; what it read is then shared out.
        return context.parallelize(new ArrayList<>(files), files.size())
                .flatMap(file -> closing(source.rows(file)))
                .repartition(context.defaultParallelism());
    }

    private static Iterator<ConversationFiles.Row> closing(ConversationFiles.Rows rows) {
        TaskContext.get().addTaskCompletionListener((TaskCompletionListener) context -> rows.close());
        return rows;
    }

    // Under the hash of what is said.
    private JavaPairRDD<String, Entry> distinct(JavaRDD<ConversationFiles.Row> rows) {
        boolean skip = spec.skipBadRows();
        return rows.mapToPair(row -> switch (row) {
                    case ConversationFiles.Row.Read read ->
                        new Tuple2<>(
                                key(read.example()),
                                new Entry(read.example(), null, read.example().place(), 1));
                    case ConversationFiles.Row.Refused refused -> {
                        if (!skip) throw refused.failure();
                        String why = refused.failure().getMessage();
                        yield new Tuple2<>(Hashes.of(why), new Entry(null, why, why, 1));
                    }
                })
                .reduceByKey(Entry::plus);
    }

    private static String key(Example example) {
        return switch (example) {
            case Conversation c -> Hashes.of((c.images().isEmpty() ? "\n" : "") + c.aboutImages());
            case TokenRow t -> Hashes.of(Arrays.toString(t.ids()) + Arrays.toString(t.mask()));
        };
    }

    /** What decides the side of the split: the group, the images, or the first thing the user says. */
    private static String side(Example example, Map<String, String> shared) {
        return switch (example) {
            case Conversation c when !c.group().isEmpty() || c.images().isEmpty() -> Hashes.of(c.subject());
            case Conversation c -> Hashes.of(shared.getOrDefault(c.subject(), c.subject()));
            case TokenRow t -> Hashes.of(Arrays.toString(Arrays.copyOf(t.ids(), supervisedFrom(t))));
        };
    }

    // Of images that are in one conversation with others, or with those that are: the first of all their names.
    private static Map<String, String> shared(JavaPairRDD<String, Entry> entries) {
        var together = entries.values()
                .filter(entry ->
                        entry.example instanceof Conversation c && c.images().size() > 1)
                .map(entry -> ((Conversation) entry.example)
                        .images().stream().map(ImageNames::key).toList())
                .collect();
        return Together.first(together);
    }

    private static int supervisedFrom(TokenRow t) {
        int at = 0;
        while (at < t.mask().length && t.mask()[at] == 0) at++;
        return at;
    }

    // Under the hash of the side, and the row's own behind it.
    private JavaPairRDD<String, Judged> judged(JavaPairRDD<String, Entry> entries) {
        JavaPairRDD<String, Tuple2<Entry, org.apache.spark.api.java.Optional<String>>> marked =
                entries.leftOuterJoin(nearDuplicates(entries));
        var evaluation = JavaSparkContext.fromSparkContext(spark.sparkContext())
                .broadcast(new ArrayList<>(spec.contamination().stream().toList()));
        var pictures = JavaSparkContext.fromSparkContext(spark.sparkContext())
                .broadcast(new ArrayList<>(
                        spec.pictures().map(PictureIndex::read).stream().toList()));
        var shared = JavaSparkContext.fromSparkContext(spark.sparkContext()).broadcast(shared(entries));
        RowMaker rowMaker = maker;
        var heldOut = new HashSet<>(spec.heldOut());
        double share = spec.validShare();
        long seed = spec.seed();
        return marked.mapPartitionsToPair(rows -> {
            ChatTemplate template = rows.hasNext() ? rowMaker.open() : null;
            PictureIndex index =
                    pictures.value().isEmpty() ? null : pictures.value().getFirst();
            List<Tuple2<String, Judged>> out = new ArrayList<>();
            while (rows.hasNext()) {
                var row = rows.next();
                Entry entry = row._2()._1();
                Contamination.Found found = found(evaluation.value(), entry.example);
                RowMaker.Made made = heldOut(heldOut, entry.example)
                        ? RowMaker.Made.not(Fate.HELD_OUT, "about what is held out")
                        : made(entry, row._2()._2().orNull(), found, rowMaker, template, index, row._1());
                String side = entry.example == null ? row._1() : side(entry.example, shared.value());
                boolean valid = Hashes.share(side, seed) < share;
                boolean told = made.fate() == Fate.CONTAMINATED;
                out.add(new Tuple2<>(
                        side + row._1(), new Judged(made, valid, entry.place, entry.copies, told ? found : null)));
            }
            return out.iterator();
        });
    }

    private static boolean heldOut(Set<String> subjects, Example example) {
        return example instanceof Conversation c && c.subjects().stream().anyMatch(subjects::contains);
    }

    private JavaPairRDD<String, String> nearDuplicates(JavaPairRDD<String, Entry> entries) {
        if (spec.nearDuplicates().isEmpty()) {
            return JavaPairRDD.fromJavaRDD(
                    JavaSparkContext.fromSparkContext(spark.sparkContext()).<Tuple2<String, String>>emptyRDD());
        }
        var heldOut = new HashSet<>(spec.heldOut());
        // What is held out must not stand for rows that are not.
        JavaPairRDD<String, String> texts = entries.filter(
                        e -> e._2().example instanceof Conversation && !heldOut(heldOut, e._2().example))
                .mapValues(e -> ((Conversation) e.example).text());
        return spec.nearDuplicates().get().find(spark, texts);
    }

    private static Contamination.Found found(List<Contamination> evaluation, Example example) {
        return !evaluation.isEmpty() && example instanceof Conversation c
                ? evaluation.getFirst().find(c).orElse(null)
                : null;
    }

    private static RowMaker.Made made(
            Entry entry,
            String like,
            Contamination.Found found,
            RowMaker maker,
            ChatTemplate template,
            PictureIndex pictures,
            String key) {
        if (entry.example == null) return RowMaker.Made.not(Fate.BAD_ROW, entry.refused);
        if (found != null) return RowMaker.Made.not(Fate.CONTAMINATED, found.prompt());
        if (like != null) return RowMaker.Made.not(Fate.NEAR_DUPLICATE, "nearly as another row");
        String id = entry.example.id();
        return maker.make(entry.example, template, pictures, id.isEmpty() ? key : id);
    }

    private Map<String, Long> counts(JavaPairRDD<String, Judged> judged) {
        // By ordinal: an enum's hash differs between processes.
        Map<Integer, Long> rows = judged.values()
                .mapToPair(one -> new Tuple2<>(one.made.fate().ordinal(), 1L))
                .reduceByKey(Long::sum)
                .collectAsMap();
        Map<String, Long> counts = new TreeMap<>();
        for (Fate fate : Fate.values()) {
            if (spec.pictures().isPresent() || !fate.ofPictures())
                counts.put(fate.key(), rows.getOrDefault(fate.ordinal(), 0L));
        }
        counts.put(READ, judged.values().map(one -> one.copies).fold(0L, Long::sum));
        counts.put(Fate.DUPLICATE.key(), counts.get(READ) - judged.count());
        counts.put(CUT, judged.values().filter(one -> one.made.cut()).count());
        return counts;
    }

    private static Map<String, String> examples(JavaPairRDD<String, Judged> judged) {
        Map<String, String> out = new TreeMap<>();
        judged.values()
                .filter(one -> one.made.fate() != Fate.KEPT)
                .mapToPair(one -> new Tuple2<>(one.made.fate().ordinal(), example(one)))
                .reduceByKey((a, b) -> a.compareTo(b) <= 0 ? a : b)
                .collectAsMap()
                .forEach((fate, example) -> out.put(Fate.values()[fate].key(), example));
        return out;
    }

    private static String example(Judged one) {
        return one.made.why().startsWith(one.place) ? one.made.why() : one.place + ": " + one.made.why();
    }

    private static List<Contamination.Found> contaminated(JavaPairRDD<String, Judged> judged) {
        return judged.values().filter(one -> one.found != null).map(one -> one.found).collect().stream()
                .sorted(Comparator.comparing(Contamination.Found::place))
                .toList();
    }

    private Report write(
            JavaPairRDD<String, Judged> judged,
            Map<String, Long> counts,
            Map<String, String> examples,
            List<Contamination.Found> contaminated) {
        Map<String, ShardManifest> splits = new TreeMap<>();
        AtomicFiles.directory(spec.output(), temporary -> {
            splits.put("train", split(judged, counts, examples, temporary, false));
            if (spec.validShare() > 0) splits.put("valid", split(judged, counts, examples, temporary, true));
            if (spec.contamination().isPresent()) list(temporary.resolve(LIST), contaminated);
        });
        return new Report(
                spec.output(),
                counts,
                examples,
                contaminated,
                splits.get("train"),
                Optional.ofNullable(splits.get("valid")));
    }

    private static void list(Path file, List<Contamination.Found> contaminated) throws IOException {
        List<String> lines = new ArrayList<>();
        for (Contamination.Found found : contaminated) lines.add(JSON.writeValueAsString(found));
        Files.write(file, lines);
    }

    private ShardManifest split(
            JavaPairRDD<String, Judged> judged,
            Map<String, Long> counts,
            Map<String, String> examples,
            Path output,
            boolean valid)
            throws IOException {
        JavaPairRDD<String, ShardRow> rows = judged.filter(
                        one -> one._2().made.row() != null && one._2().valid == valid)
                .mapValues(one -> one.made.row());
        String name = valid ? "valid" : "train";
        long count = rows.count();
        if (count == 0) throw empty(name, counts, examples);
        Path folder = Files.createDirectories(output.resolve(name));
        Tokenizer own = tokenizer.tokenizer();
        boolean pictures = spec.pictures().isPresent();
        var files = new SplitWriter(
                        folder.toAbsolutePath().toString(), spec.sequenceLength(), tokenizer.hash(), 0, pictures)
                .write(rows, count, spec.rowsPerShard(), each -> each);
        ShardManifest manifest =
                ShardManifest.of(tokenizer.hash(), own.size(), spec.sequenceLength(), files, counts, facts(name));
        manifest.write(folder);
        return manifest;
    }

    private Failure empty(String split, Map<String, Long> counts, Map<String, String> examples) {
        return Failure.data(
                String.join(", ", spec.files().paths()),
                "no conversation to learn from in the split " + split + ": " + counts + ", such as " + examples,
                "at least one with supervised tokens",
                "Check the rows, the template, length " + spec.sequenceLength() + " and validation share "
                        + spec.validShare() + ".");
    }

    private Map<String, String> facts(String split) {
        Map<String, String> facts = new TreeMap<>(Map.of(
                "kind", "conversations",
                "split", split,
                "template", Hashes.of(maker.source()),
                "special_tokens_in_words", spec.words().name().toLowerCase(java.util.Locale.ROOT),
                "last_turn_only", Boolean.toString(spec.lastTurnOnly()),
                "near_duplicates", spec.nearDuplicates().map(Object::toString).orElse("kept"),
                "evaluation_prompts",
                        Integer.toString(
                                spec.contamination().map(Contamination::size).orElse(0)),
                "valid_share", Double.toString(spec.validShare()),
                "seed", Long.toString(spec.seed())));
        spec.pictures().ifPresent(store -> facts.put("pictures", PictureStore.hash(store)));
        return facts;
    }
}
