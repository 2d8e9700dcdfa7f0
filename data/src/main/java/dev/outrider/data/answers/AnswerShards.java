package dev.outrider.data.answers;

import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.Failure;
import dev.outrider.data.SparkFailures;
import dev.outrider.data.SplitWriter;
import dev.outrider.data.image.ImageNames;
import dev.outrider.data.shard.Hashes;
import dev.outrider.data.shard.ShardManifest;
import dev.outrider.data.shard.ShardRow;
import dev.outrider.decode.speculate.TopLaws;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.storage.StorageLevel;
import scala.Tuple2;

/**
 * From answers to shards: a row is BOS, prompt and answer, supervised on the answer's tokens only, its end
 * token included. Where the target's laws were kept, they become columns of the shards, and so do
 * the pictures of prompts that have some. All answers to a prompt fall into the same split, and all about an image.
 */
public final class AnswerShards {
    private static final String READ = "read", KEPT = "kept", CUT = "cut_at_length";

    private AnswerShards() {}

    /**
     * @param answers finished folder of {@link Answers}
     * @param output folder to make, with {@code train/} and, if validShare is above 0, {@code valid/}
     * @param sequenceLength T; longer rows lose the end of the answer
     * @param temperatures those to take; empty: all
     * @param validShare share of the prompts, by the hash of their id (of their first image, where they have one), that go
     *     to validation
     */
    public record Spec(
            Path answers,
            Path output,
            int sequenceLength,
            Set<Double> temperatures,
            double validShare,
            int rowsPerShard,
            long seed) {
        public Spec {
            temperatures = Set.copyOf(temperatures);
            require(sequenceLength >= 2, "sequence length " + sequenceLength, "2 or more");
            require(validShare >= 0 && validShare < 1, "validation share " + validShare, "a number in [0, 1)");
            require(rowsPerShard >= 1, "rows per shard " + rowsPerShard, "1 or more");
        }

        private static void require(boolean ok, String found, String expected) {
            if (!ok) throw Failure.usage("answer shards", found, expected, "Correct the setting.");
        }
    }

    /**
     * What was written.
     *
     * @param counts answers read; kept; not taken, by reason; and how many of the kept were cut at T
     */
    public record Report(Path output, Map<String, Long> counts, ShardManifest train, Optional<ShardManifest> valid) {}

    private record Judged(String fate, boolean cut, boolean valid, ShardRow row) implements Serializable {}

    /** Makes spec.output() whole or not at all; Failure DATA if no answer can be learnt from. */
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

    // Under the hash that decides the side of the split, and the answer's own id behind it.
    private static JavaPairRDD<String, Judged> judged(SparkSession spark, Spec spec) {
        String folder = spec.answers().toAbsolutePath().toString();
        AnswerPlan plan = AnswerPlan.read(spec.answers());
        int topK = plan.topK();
        var parts = IntStream.range(0, plan.parts()).boxed().toList();
        var context = JavaSparkContext.fromSparkContext(spark.sparkContext());
        int length = spec.sequenceLength();
        var temperatures = new java.util.TreeSet<>(spec.temperatures());
        double share = spec.validShare();
        long seed = spec.seed();
        return context.parallelize(parts)
                .flatMap(index -> known(Path.of(folder), index, topK).iterator())
                .mapToPair(known -> {
                    Answer answer = known.answer;
                    String hash = Hashes.of(
                            answer.images().isEmpty()
                                    ? answer.promptId()
                                    : ImageNames.key(answer.images().getFirst()));
                    boolean valid = Hashes.share(hash, seed) < share;
                    return new Tuple2<>(hash + answer.id(), judge(known, length, temperatures, valid));
                });
    }

    private record Known(Answer answer, TopLaws laws) implements Serializable {}

    private static List<Known> known(Path folder, int index, int topK) {
        List<Answer> answers = Part.require(folder, index);
        List<TopLaws> laws = topK == 0 ? List.of() : AnswerLaws.require(folder, index, topK);
        return IntStream.range(0, answers.size())
                .mapToObj(i -> new Known(answers.get(i), topK == 0 ? TopLaws.NONE : laws.get(i)))
                .toList();
    }

    private static Judged judge(Known known, int length, Set<Double> temperatures, boolean valid) {
        Answer answer = known.answer;
        int prompt = answer.promptIds().length, all = prompt + answer.answerIds().length;
        String fate = !answer.success()
                ? "no_answer"
                : !temperatures.isEmpty() && !temperatures.contains(answer.temperature())
                        ? "other_temperature"
                        : prompt >= length || all == prompt ? "no_supervision" : KEPT;
        return new Judged(fate, all > length, valid, fate.equals(KEPT) ? row(known, Math.min(all, length)) : null);
    }

    private static ShardRow row(Known known, int count) {
        Answer answer = known.answer;
        int prompt = answer.promptIds().length;
        int[] tokens = Arrays.copyOf(answer.promptIds(), count);
        System.arraycopy(answer.answerIds(), 0, tokens, prompt, count - prompt);
        byte[] mask = new byte[count];
        // A first token has nothing before it to be predicted from.
        Arrays.fill(mask, Math.max(1, prompt), count, (byte) 1);
        return new ShardRow(tokens, mask, answer.id(), 1, prompt, known.laws, answer.pictures());
    }

    private static Map<String, Long> counts(JavaPairRDD<String, Judged> judged) {
        Map<String, Long> counts = new TreeMap<>(judged.values()
                .mapToPair(one -> new Tuple2<>(one.fate, 1L))
                .reduceByKey(Long::sum)
                .collectAsMap());
        counts.put(READ, counts.values().stream().mapToLong(n -> n).sum());
        for (String fate : new String[] {KEPT, "no_answer", "other_temperature", "no_supervision"}) {
            counts.putIfAbsent(fate, 0L);
        }
        counts.put(
                CUT, judged.values().filter(one -> one.cut && one.row != null).count());
        return counts;
    }

    private static Report write(Spec spec, JavaPairRDD<String, Judged> judged, Map<String, Long> counts) {
        Map<String, ShardManifest> splits = new TreeMap<>();
        AtomicFiles.directory(spec.output(), temporary -> {
            splits.put("train", split(spec, judged, counts, temporary, false));
            if (spec.validShare() > 0) splits.put("valid", split(spec, judged, counts, temporary, true));
        });
        return new Report(spec.output(), counts, splits.get("train"), Optional.ofNullable(splits.get("valid")));
    }

    private static ShardManifest split(
            Spec spec, JavaPairRDD<String, Judged> judged, Map<String, Long> counts, Path output, boolean valid)
            throws IOException {
        JavaPairRDD<String, ShardRow> rows = judged.filter(one -> one._2().row != null && one._2().valid == valid)
                .mapValues(Judged::row);
        String name = valid ? "valid" : "train";
        long count = rows.count();
        if (count == 0) throw empty(spec, name, counts);
        AnswerPlan plan = AnswerPlan.read(spec.answers());
        Path folder = Files.createDirectories(output.resolve(name));
        var files = new SplitWriter(
                        folder.toAbsolutePath().toString(),
                        spec.sequenceLength(),
                        plan.tokenizerHash(),
                        plan.topK(),
                        plan.sees())
                .write(rows, count, spec.rowsPerShard(), each -> each);
        ShardManifest manifest = ShardManifest.of(
                plan.tokenizerHash(), plan.vocabSize(), spec.sequenceLength(), files, counts, facts(spec, plan, name));
        manifest.write(folder);
        return manifest;
    }

    private static Failure empty(Spec spec, String split, Map<String, Long> counts) {
        return Failure.data(
                spec.answers().toString(),
                "no answer to learn from in the split " + split + ": " + counts,
                "at least one",
                "Check length " + spec.sequenceLength() + ", temperatures and validation share " + spec.validShare()
                        + ", or let the target answer more prompts.");
    }

    private static Map<String, String> facts(Spec spec, AnswerPlan plan, String split) {
        Map<String, String> facts = new TreeMap<>(Map.of(
                "kind", "answers",
                "split", split,
                "target", plan.model(),
                "prompts", plan.promptsHash(),
                "temperatures",
                        (spec.temperatures().isEmpty()
                                        ? plan.temperatures()
                                        : spec.temperatures().stream().sorted().toList())
                                .toString(),
                "top_p", Double.toString(plan.topP()),
                "valid_share", Double.toString(spec.validShare()),
                "seed", Long.toString(spec.seed())));
        if (plan.topK() > 0) {
            facts.put("laws_top_k", Integer.toString(plan.topK()));
            facts.put("laws_temperature", "1");
        }
        return facts;
    }
}
