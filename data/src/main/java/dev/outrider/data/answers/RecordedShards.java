package dev.outrider.data.answers;

import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.ChatTemplate;
import dev.outrider.data.SharedTokenizer;
import dev.outrider.data.SparkFailures;
import dev.outrider.data.SplitWriter;
import dev.outrider.data.conversation.Conversation;
import dev.outrider.data.conversation.ConversationFiles;
import dev.outrider.data.shard.Hashes;
import dev.outrider.data.shard.ShardManifest;
import dev.outrider.data.shard.ShardRow;
import dev.outrider.decode.speculate.Recorded;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.storage.StorageLevel;
import scala.Tuple2;

/**
 * From recorded answers ({@link RecordedTexts}) to shards, for a draft of a target that is not there: a row is a prompt,
 * without its pictures, and one answer, supervised on the answer alone.
 *
 * <p>Three splits by what the answers are about, image by image over all files: {@code train}, {@code valid}, {@code test}.
 * Only a greedy answer that was not cut can be replayed to its end, so the last two hold those alone, and what else there
 * is about their images is in none.
 */
public final class RecordedShards {
    private static final String READ = "read", HELD_OUT = "held_out", NO_ROOM = "no_room", CUT = "cut_at_length";

    private RecordedShards() {}

    /**
     * @param files conversations; rows say how they were decoded
     * @param model whose tokenizer, and unless one is named, chat template it is
     * @param output folder to make, with {@code train/}, {@code valid/} and {@code test/}
     * @param sequenceLength T; longer rows lose the end of the answer
     * @param validShare of the subjects with a whole greedy answer
     * @param testShare of the same
     */
    public record Spec(
            ConversationFiles files,
            Path model,
            Optional<String> template,
            Path output,
            int sequenceLength,
            double validShare,
            double testShare,
            int rowsPerShard,
            long seed) {
        public Spec {
            require(sequenceLength >= 2, "sequence length " + sequenceLength, "2 or more");
            require(
                    validShare > 0 && testShare > 0 && validShare + testShare < 1,
                    "shares " + validShare + " to validate and " + testShare + " to test",
                    "two numbers above 0, less than 1 together");
        }

        private static void require(boolean ok, String found, String expected) {
            if (!ok) throw Failure.usage("recorded answers", found, expected, "Correct the setting.");
        }

        /** What is kept from training; the same for the same files, shares and seed. */
        public HeldOut heldOut() {
            Set<String> valid = new HashSet<>(), test = new HashSet<>();
            files.forEach(example -> {
                if (!(example instanceof Conversation c) || !RecordedTexts.wholeGreedy(c)) return;
                // Not the hash that splits text by the same subjects: all that it validates on would be held out.
                double at = Hashes.share(Hashes.of("recorded " + c.subject()), seed);
                if (at < testShare) test.add(c.subject());
                else if (at < testShare + validShare) valid.add(c.subject());
            });
            return new HeldOut(valid, test);
        }
    }

    /** Subjects ({@link Conversation#subject}) that are kept from training. */
    public record HeldOut(Set<String> valid, Set<String> test) implements Serializable {
        public Set<String> all() {
            Set<String> all = new HashSet<>(valid);
            all.addAll(test);
            return all;
        }

        private Split split(Conversation c) {
            if (test.contains(c.subject())) return Split.TEST;
            return valid.contains(c.subject()) ? Split.VALID : Split.TRAIN;
        }
    }

    private enum Split {
        TRAIN,
        VALID,
        TEST;

        String folder() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** @param counts answers of each split; those held out of all; without room for any of it; cut at T */
    public record Report(Map<String, Long> counts, ShardManifest train, ShardManifest valid, ShardManifest test) {}

    /** @param row null where it is in no split */
    private record Judged(String fate, boolean cut, ShardRow row) implements Serializable {
        int length() {
            return row == null ? 0 : row.tokens().length;
        }
    }

    /**
     * Makes spec.output() whole or not at all.
     *
     * @throws Failure DATA for a row that is no conversation, and where a split would be empty
     */
    public static Report write(SparkSession spark, Spec spec) {
        SplitWriter.requireReplaceable(spec.output());
        return SparkFailures.unwrapped(() -> {
            JavaPairRDD<String, Judged> judged = judged(spark, spec).persist(StorageLevel.MEMORY_AND_DISK_SER());
            try {
                return write(spec, judged, counts(judged));
            } finally {
                judged.unpersist(false);
            }
        });
    }

    /** Under the hash of the subject, and behind it that of all that was said. */
    private static JavaPairRDD<String, Judged> judged(SparkSession spark, Spec spec) {
        List<String> files = new ArrayList<>(spec.files().files());
        Reader reader = new Reader(
                SharedTokenizer.open(spec.model()),
                spec.model().toAbsolutePath().toString(),
                spec.template().orElse(null),
                LocalDateTime.now(),
                spec.sequenceLength(),
                spec.heldOut());
        // One task reads a file.
        return JavaSparkContext.fromSparkContext(spark.sparkContext())
                .parallelize(files, files.size())
                .flatMapToPair(reader::read);
    }

    /** What a task needs to read a file. */
    private record Reader(
            SharedTokenizer tokenizer, String model, String template, LocalDateTime now, int length, HeldOut heldOut)
            implements Serializable {

        Iterator<Tuple2<String, Judged>> read(String file) {
            ChatTemplate open = ChatTemplate.require(Path.of(model), Optional.ofNullable(template))
                    .at(now);
            List<Tuple2<String, Judged>> out = new ArrayList<>();
            new ConversationFiles(List.of(file), null).forEach(example -> {
                Conversation c = RecordedTexts.conversation(example);
                String key = Hashes.of(c.subject()) + Hashes.of(c.text());
                for (Judged each : judged(c, open)) out.add(new Tuple2<>(key + each.length(), each));
            });
            return out.iterator();
        }

        private List<Judged> judged(Conversation c, ChatTemplate open) {
            Split split = heldOut.split(c);
            if (split != Split.TRAIN && !RecordedTexts.wholeGreedy(c))
                return List.of(new Judged(HELD_OUT, false, null));
            return RecordedTexts.of(c, open, tokenizer.tokenizer()).stream()
                    .map(answer -> judged(answer, split, c.id()))
                    .toList();
        }

        private Judged judged(Recorded answer, Split split, String id) {
            int prompt = answer.prompt().length, all = prompt + answer.answer().length;
            if (prompt >= length) return new Judged(NO_ROOM, false, null);
            int[] tokens = Arrays.copyOf(answer.prompt(), Math.min(all, length));
            System.arraycopy(answer.answer(), 0, tokens, prompt, tokens.length - prompt);
            byte[] mask = new byte[tokens.length];
            Arrays.fill(mask, prompt, mask.length, (byte) 1);
            return new Judged(split.folder(), all > length, new ShardRow(tokens, mask, id));
        }
    }

    private static Map<String, Long> counts(JavaPairRDD<String, Judged> judged) {
        Map<String, Long> counts = new TreeMap<>(judged.values()
                .mapToPair(one -> new Tuple2<>(one.fate, 1L))
                .reduceByKey(Long::sum)
                .collectAsMap());
        counts.put(READ, counts.values().stream().mapToLong(n -> n).sum());
        for (String fate : List.of(HELD_OUT, NO_ROOM)) counts.putIfAbsent(fate, 0L);
        counts.put(CUT, judged.values().filter(one -> one.cut).count());
        return counts;
    }

    private static Report write(Spec spec, JavaPairRDD<String, Judged> judged, Map<String, Long> counts) {
        for (Split split : Split.values()) {
            if (!counts.containsKey(split.folder())) throw empty(spec, split.folder(), counts);
        }
        Map<Split, ShardManifest> made = new TreeMap<>();
        AtomicFiles.directory(spec.output(), temporary -> {
            for (Split split : Split.values()) made.put(split, split(spec, judged, counts, temporary, split));
        });
        return new Report(counts, made.get(Split.TRAIN), made.get(Split.VALID), made.get(Split.TEST));
    }

    private static Failure empty(Spec spec, String split, Map<String, Long> counts) {
        return Failure.data(
                String.join(", ", spec.files().paths()),
                "no answer for the split " + split + ": " + counts,
                "at least one in each of train, valid and test; the last two take answers whose \"decoding\" is greedy",
                "Give more answers, or change the shares held out (" + spec.validShare() + ", " + spec.testShare()
                        + ").");
    }

    private static ShardManifest split(
            Spec spec, JavaPairRDD<String, Judged> judged, Map<String, Long> counts, Path output, Split split)
            throws IOException {
        String name = split.folder();
        JavaPairRDD<String, ShardRow> rows =
                judged.filter(one -> one._2().fate.equals(name)).mapValues(Judged::row);
        SharedTokenizer tokenizer = SharedTokenizer.open(spec.model());
        Path folder = Files.createDirectories(output.resolve(name));
        var files = new SplitWriter(folder.toAbsolutePath().toString(), spec.sequenceLength(), tokenizer.hash())
                .write(rows, counts.get(name), spec.rowsPerShard(), each -> each);
        ShardManifest manifest = ShardManifest.of(
                tokenizer.hash(),
                tokenizer.tokenizer().size(),
                spec.sequenceLength(),
                files,
                counts,
                facts(spec, split));
        manifest.write(folder);
        return manifest;
    }

    private static Map<String, String> facts(Spec spec, Split split) {
        ChatTemplate template = ChatTemplate.require(spec.model(), spec.template());
        return new TreeMap<>(Map.of(
                "kind", "recorded answers",
                "split", split.folder(),
                "decoding", split == Split.TRAIN ? "as recorded" : "greedy",
                "template", Hashes.of(template.source()),
                "valid_share", Double.toString(spec.validShare()),
                "test_share", Double.toString(spec.testShare()),
                "seed", Long.toString(spec.seed())));
    }
}
