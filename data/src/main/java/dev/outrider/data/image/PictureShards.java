package dev.outrider.data.image;

import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.ClipConfig;
import dev.outrider.checkpoints.DiskFailures;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ImagePreprocessing;
import dev.outrider.checkpoints.Tower;
import dev.outrider.data.ByHash;
import dev.outrider.data.SparkFailures;
import dev.outrider.data.image.PictureManifest.PictureFile;
import dev.outrider.data.shard.Hashes;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.storage.StorageLevel;
import scala.Tuple2;

/**
 * Makes a {@link PictureStore} of image files that rows name: decoded, brought to the tower's size, and, where features are
 * wanted, seen by the tower, in Spark tasks. Files of equal bytes are stored once. A picture's file in the store follows from
 * its hash alone, so the same images and settings give the same bytes, however many partitions there are. The folders,
 * the tower and the output must be seen by every executor.
 */
public final class PictureShards {
    // Of a picture's id, its place in the columns, and its share of a batch's metadata.
    private static final int OVERHEAD = 256;

    private final SparkSession spark;
    private final PictureSpec spec;
    private final int slices;

    private PictureShards(SparkSession spark, PictureSpec spec, int slices) {
        this.spark = spark;
        this.spec = spec;
        this.slices = slices;
    }

    /** A file name, and where it was found; the hash of its bytes is the picture's id. */
    private record Found(String name, String path, String id) implements Serializable {}

    /** A picture that is none. */
    private record Refused(String id, PictureFate fate, String why) implements Serializable {}

    /** @param file null where none of its pictures was one */
    private record Written(PictureFile file, List<Refused> refused) implements Serializable {}

    /**
     * Bytes that a store would take: so many for each of the names, of which equal images and bad ones will take none.
     *
     * @throws Failure as {@link Tower#open}
     */
    public static long bytes(PictureSpec spec) {
        try (Tower tower = spec.reading().open()) {
            return spec.files().size()
                    * (long) (manifest(spec, tower, List.of(), Map.of()).bytes() + OVERHEAD);
        }
    }

    /** @throws Failure MACHINE where the output's disk has less room than this */
    public static void requireRoom(Path output, long bytes) {
        Path there = output.toAbsolutePath();
        while (!Files.exists(there)) there = there.getParent();
        try {
            long room = Files.getFileStore(there).getUsableSpace();
            if (room >= bytes) return;
            throw new Failure(
                    Failure.Kind.MACHINE,
                    output.toString(),
                    String.format(Locale.ROOT, "%,d bytes free on its disk", room),
                    String.format(Locale.ROOT, "room for about %,d bytes of pictures", bytes),
                    "Free some space, choose another place, or take fewer pictures.",
                    null);
        } catch (IOException e) {
            throw DiskFailures.reading(there, e);
        }
    }

    /**
     * Makes spec.output() whole or not at all.
     *
     * @throws Failure MACHINE where there is no room, DATA for an image that is missing, broken or too large unless these
     *     are skipped, or where there is no picture at all
     */
    public static PictureManifest write(SparkSession spark, PictureSpec spec) {
        return write(
                spark,
                spec,
                JavaSparkContext.fromSparkContext(spark.sparkContext()).defaultParallelism());
    }

    /** @param slices of the list of names */
    static PictureManifest write(SparkSession spark, PictureSpec spec, int slices) {
        requireReplaceable(spec.output());
        requireRoom(spec.output(), bytes(spec));
        return SparkFailures.unwrapped(() -> new PictureShards(spark, spec, slices).run());
    }

    private static void requireReplaceable(Path output) {
        if (!Files.exists(output) || Files.exists(output.resolve(PictureManifest.NAME))) return;
        String[] inside = output.toFile().list();
        if (inside != null && inside.length == 0) return;
        throw Failure.usage(
                output.toString(),
                "something else than pictures",
                "a store of pictures, or nothing",
                "Choose another.");
    }

    private PictureManifest run() {
        JavaRDD<Found> found = found().persist(StorageLevel.MEMORY_AND_DISK_SER());
        try {
            PictureManifest[] written = new PictureManifest[1];
            AtomicFiles.directory(spec.output(), temporary -> written[0] = write(temporary, found));
            return written[0];
        } finally {
            found.unpersist(false);
        }
    }

    private JavaRDD<Found> found() {
        var context = JavaSparkContext.fromSparkContext(spark.sparkContext());
        PictureFolders folders = spec.folders();
        boolean skip = spec.skipBad();
        return context.parallelize(new ArrayList<>(spec.files()), slices).map(name -> found(folders, name, skip));
    }

    private static Found found(PictureFolders folders, String name, boolean skip) throws IOException {
        Path file = skip ? folders.find(name).orElse(null) : folders.require(name);
        if (file == null) return new Found(name, null, null);
        try {
            return new Found(name, file.toString(), Hashes.of(file));
        } catch (IOException e) {
            throw DiskFailures.reading(file, e);
        }
    }

    private PictureManifest write(Path folder, JavaRDD<Found> found) throws IOException {
        List<Written> parts = parts(folder, found);
        Map<String, Refused> refused = parts.stream()
                .flatMap(part -> part.refused.stream())
                .collect(Collectors.toMap(Refused::id, each -> each));
        List<PictureIndex.Entry> entries = found.collect().stream()
                .map(each -> entry(each, refused))
                .sorted(Comparator.comparing(PictureIndex.Entry::file))
                .toList();
        List<PictureFile> files = parts.stream()
                .map(Written::file)
                .filter(Objects::nonNull)
                .sorted(Comparator.comparing(PictureFile::name))
                .toList();
        PictureManifest manifest;
        try (Tower tower = spec.reading().open()) {
            manifest = manifest(spec, tower, files, counts(entries, files));
        }
        if (files.isEmpty()) throw none(manifest, entries);
        spec.reading().preprocessing().write(folder);
        PictureIndex.write(folder, entries);
        manifest.write(folder);
        return manifest;
    }

    private List<Written> parts(Path folder, JavaRDD<Found> found) {
        JavaPairRDD<String, String> byId = found.filter(each -> each.id != null)
                .mapToPair(each -> new Tuple2<>(each.id, each.path))
                .reduceByKey((a, b) -> a.compareTo(b) <= 0 ? a : b);
        long pictures = byId.count();
        int files = Math.toIntExact(Math.max(1, (pictures + spec.perShard() - 1) / spec.perShard()));
        Task task = new Task(
                folder.toAbsolutePath().toString(), spec.kind(), spec.reading(), spec.options(), spec.skipBad());
        return byId.repartitionAndSortWithinPartitions(new ByHash(files))
                .mapPartitions(task::run)
                .collect();
    }

    /** What a Spark task does: makes one file of the store. */
    private record Task(String folder, PictureKind kind, TowerReading reading, ImageOptions options, boolean skip)
            implements Serializable {
        // Written under a name of the attempt's own: a task that is run twice leaves one file.
        Iterator<Written> run(Iterator<Tuple2<String, String>> pictures) throws IOException {
            if (!pictures.hasNext()) return List.<Written>of().iterator();
            String name = "pictures-%05d.arrow".formatted(TaskContext.getPartitionId());
            Path attempt = Path.of(folder, name + "." + TaskContext.get().taskAttemptId());
            List<Refused> refused = new ArrayList<>();
            PictureFile written;
            try (PictureMaker maker = new PictureMaker(kind, reading, options);
                    PictureFileWriter writer = new PictureFileWriter(attempt, kind, maker.values())) {
                while (pictures.hasNext()) add(pictures.next(), maker, writer, refused);
                written = writer.finish();
            }
            if (written.pictures() == 0) {
                Files.delete(attempt);
                return List.of(new Written(null, refused)).iterator();
            }
            Path target = Path.of(folder, name);
            Files.move(attempt, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            PictureFile file = new PictureFile(name, written.pictures(), written.bytes(), written.sha256());
            return List.of(new Written(file, refused)).iterator();
        }

        private void add(
                Tuple2<String, String> picture, PictureMaker maker, PictureFileWriter writer, List<Refused> refused)
                throws IOException {
            TaskContext.get().killTaskIfInterrupted();
            PictureMaker.Made made = maker.make(Path.of(picture._2()));
            PictureFate fate = PictureFate.of(made.image());
            if (fate == PictureFate.KEPT) {
                writer.add(picture._1(), made.values());
                return;
            }
            Failure why = made.image().failure().orElseThrow();
            if (!skip) throw why;
            refused.add(new Refused(picture._1(), fate, why.getMessage()));
        }
    }

    private PictureIndex.Entry entry(Found found, Map<String, Refused> refused) {
        if (found.id == null) {
            String why = spec.folders().missing(found.name).getMessage();
            return new PictureIndex.Entry(found.name, "", PictureFate.MISSING, why);
        }
        Refused bad = refused.get(found.id);
        return bad == null
                ? new PictureIndex.Entry(found.name, found.id, PictureFate.KEPT, "")
                : new PictureIndex.Entry(found.name, "", bad.fate, bad.why);
    }

    private static Map<String, Long> counts(List<PictureIndex.Entry> entries, List<PictureFile> files) {
        Map<String, Long> counts = new TreeMap<>();
        for (PictureFate fate : PictureFate.values()) counts.put(fate.key(), 0L);
        for (PictureIndex.Entry entry : entries) counts.merge(entry.fate().key(), 1L, Long::sum);
        counts.put("pictures", files.stream().mapToLong(PictureFile::pictures).sum());
        return counts;
    }

    private static PictureManifest manifest(
            PictureSpec spec, Tower tower, List<PictureFile> files, Map<String, Long> counts) {
        ClipConfig config = tower.config();
        ImagePreprocessing preprocessing = spec.reading().preprocessing();
        boolean features = spec.kind() == PictureKind.FEATURES;
        int side = config.imageSize(), layers = spec.reading().layers();
        return new PictureManifest(
                PictureManifest.SCHEMA,
                spec.kind(),
                features ? List.of(config.patches() + 1, config.hiddenSize()) : List.of(3, side, side),
                features ? config.grid() : 0,
                features ? layers : 0,
                features && !files.isEmpty() ? TowerReading.hash(tower, layers) : "",
                TowerReading.hash(
                        preprocessing, spec.options().aspect(), spec.options().upright()),
                spec.options().aspect(),
                spec.options().upright(),
                files,
                counts);
    }

    private Failure none(PictureManifest manifest, List<PictureIndex.Entry> entries) {
        return Failure.data(
                String.join(", ", spec.folders().folders()),
                "no picture at all: " + manifest.counts() + ", such as "
                        + entries.getFirst().why(),
                "at least one",
                "Check the folders and the names.");
    }
}
