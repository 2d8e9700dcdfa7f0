package dev.outrider.data.text;

import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.SharedTokenizer;
import dev.outrider.data.SparkFailures;
import dev.outrider.data.SplitWriter;
import dev.outrider.data.shard.Hashes;
import dev.outrider.data.shard.ShardManifest;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.storage.StorageLevel;
import scala.Tuple2;

/**
 * From raw text to shards: normalise, exact duplicates out, filter, tokenise, split by hash, pack, write.
 * The same documents and settings give the same bytes, however many partitions, cores or machines there are.
 */
public final class TextPipeline {
    private final SparkSession spark;
    private final TextSpec spec;
    private final SharedTokenizer shared;

    private TextPipeline(SparkSession spark, TextSpec spec) {
        this.spark = spark;
        this.spec = spec;
        this.shared = SharedTokenizer.open(spec.tokenizer());
    }

    /**
     * Makes spec.output() whole or not at all.
     *
     * @throws Failure USAGE if input or output cannot be used, DATA if the input is no text, or nothing is left
     */
    public static TextReport run(SparkSession spark, TextSpec spec) {
        SplitWriter.requireReplaceable(spec.output());
        return SparkFailures.unwrapped(() -> new TextPipeline(spark, spec).run());
    }

    /** Documents and copies of a text. */
    private record Found(String text, long copies) implements Serializable {
        Found plus(Found same) {
            return new Found(text, copies + same.copies);
        }
    }

    /** tokens is empty unless the document is kept. */
    private record Judged(Verdict verdict, boolean valid, long copies, int[] tokens) implements Serializable {}

    /** What is kept of a split. */
    private record Size(long documents, long rows) implements Serializable {}

    private TextReport run() {
        JavaPairRDD<String, Judged> judged =
                judged(distinct(spec.source().read(spark))).persist(StorageLevel.MEMORY_AND_DISK_SER());
        try {
            Map<String, Long> counts = counts(judged);
            if (counts.get(Verdict.KEPT.key()) == 0) throw nothingLeft(counts);
            return write(judged, counts);
        } finally {
            judged.unpersist(false);
        }
    }

    // Under the hash of the normalised text; all empty ones under "".
    private static JavaPairRDD<String, Found> distinct(JavaRDD<String> texts) {
        return texts.mapToPair(raw -> {
                    String text = Normalise.text(raw);
                    return new Tuple2<>(text.isEmpty() ? "" : Hashes.of(text), new Found(text, 1));
                })
                .reduceByKey(Found::plus);
    }

    private JavaPairRDD<String, Judged> judged(JavaPairRDD<String, Found> distinct) {
        SharedTokenizer tokenizer = shared;
        Filters filters = spec.filters();
        double share = spec.validShare();
        long seed = spec.seed();
        boolean specials = spec.specials();
        return distinct.mapToPair(one -> {
            Found found = one._2();
            Verdict verdict = filters.judge(found.text);
            boolean kept = verdict == Verdict.KEPT;
            int[] tokens = kept ? tokens(tokenizer.tokenizer(), found.text, specials) : new int[0];
            boolean valid = kept && Hashes.share(one._1(), seed) < share;
            return new Tuple2<>(one._1(), new Judged(verdict, valid, found.copies, tokens));
        });
    }

    /** BOS, the text, EOS; without BOS where the model wants none, without EOS where there is none. */
    private static int[] tokens(Tokenizer tokenizer, String text, boolean specials) {
        int[] ids = tokenizer.encode(text, specials);
        boolean bos = tokenizer.addsBos(), eos = tokenizer.eosId() >= 0;
        int[] out = new int[ids.length + (bos ? 1 : 0) + (eos ? 1 : 0)];
        System.arraycopy(ids, 0, out, bos ? 1 : 0, ids.length);
        if (bos) out[0] = tokenizer.bosId();
        if (eos) out[out.length - 1] = tokenizer.eosId();
        return out;
    }

    private static Map<String, Long> counts(JavaPairRDD<String, Judged> judged) {
        // By ordinal: an enum's hash differs between processes.
        Map<Integer, Tuple2<Long, Long>> found = judged.mapToPair(
                        one -> new Tuple2<>(one._2().verdict.ordinal(), new Tuple2<>(1L, one._2().copies)))
                .reduceByKey((a, b) -> new Tuple2<>(a._1() + b._1(), a._2() + b._2()))
                .collectAsMap();
        Map<String, Long> out = new LinkedHashMap<>();
        out.put("read", found.values().stream().mapToLong(Tuple2::_2).sum());
        for (Verdict verdict : Verdict.values()) {
            Tuple2<Long, Long> texts = found.getOrDefault(verdict.ordinal(), new Tuple2<>(0L, 0L));
            out.put(verdict.key(), verdict == Verdict.EMPTY ? texts._2() : texts._1());
        }
        long others = out.values().stream().mapToLong(n -> n).sum() - out.get("read");
        out.put(Verdict.DUPLICATE.key(), out.get("read") - others);
        return out;
    }

    private Failure nothingLeft(Map<String, Long> counts) {
        return Failure.data(
                String.join(", ", spec.source().paths()),
                "nothing to learn from: " + counts,
                "at least one document that passes the filters",
                "Check the input and the filters.");
    }

    private TextReport write(JavaPairRDD<String, Judged> judged, Map<String, Long> counts) {
        Map<String, ShardManifest> splits = new TreeMap<>();
        AtomicFiles.directory(spec.output(), temporary -> {
            splits.put("train", split(judged, counts, temporary, false));
            if (spec.validShare() > 0) splits.put("valid", split(judged, counts, temporary, true));
        });
        return new TextReport(spec.output(), counts, splits.get("train"), Optional.ofNullable(splits.get("valid")));
    }

    private ShardManifest split(
            JavaPairRDD<String, Judged> judged, Map<String, Long> counts, Path output, boolean valid)
            throws IOException {
        JavaPairRDD<String, Packing.Document> documents = judged.filter(
                        one -> one._2().verdict == Verdict.KEPT && one._2().valid == valid)
                .mapToPair(one -> new Tuple2<>(one._1(), new Packing.Document(one._1(), one._2().tokens)));
        String name = valid ? "valid" : "train";
        Size size = size(documents);
        if (size.documents == 0) throw emptySplit(name, counts);
        Path folder = Files.createDirectories(output.resolve(name));
        int length = spec.sequenceLength();
        Tokenizer tokenizer = shared.tokenizer();
        var writer = new SplitWriter(folder.toAbsolutePath().toString(), length, shared.hash());
        var rows = spec.packing().rows(length, tokenizer.bosId());
        List<ShardManifest.ShardFile> files = writer.write(documents, size.rows, spec.rowsPerShard(), rows);
        ShardManifest manifest = ShardManifest.of(shared.hash(), tokenizer.size(), length, files, counts, facts(name));
        manifest.write(folder);
        return manifest;
    }

    private Size size(JavaPairRDD<String, Packing.Document> documents) {
        int length = spec.sequenceLength();
        return documents
                .values()
                .map(d -> new Size(1, Packing.rowCount(d.tokens().length, length)))
                .fold(new Size(0, 0), (a, b) -> new Size(a.documents + b.documents, a.rows + b.rows));
    }

    private Failure emptySplit(String name, Map<String, Long> counts) {
        return Failure.data(
                spec.output().resolve(name).toString(),
                "no document in this split: " + counts,
                "at least one",
                "Give more text, or change the validation share (" + spec.validShare() + ") or the seed.");
    }

    private Map<String, String> facts(String split) {
        Map<String, String> facts = new TreeMap<>();
        facts.put("kind", "text");
        facts.put("split", split);
        facts.put("packing", spec.packing().name().toLowerCase(java.util.Locale.ROOT));
        facts.put("filters", spec.filters().toString());
        facts.put("valid_share", Double.toString(spec.validShare()));
        facts.put("seed", Long.toString(spec.seed()));
        return facts;
    }
}
