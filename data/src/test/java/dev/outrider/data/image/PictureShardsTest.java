package dev.outrider.data.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ImageAspect;
import dev.outrider.checkpoints.ImagePreprocessing;
import dev.outrider.checkpoints.Shared;
import dev.outrider.checkpoints.Tower;
import dev.outrider.data.SeeingTarget;
import dev.outrider.data.Sessions;
import dev.outrider.data.shard.Hashes;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.ClipTower;
import dev.outrider.decode.model.Features;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.Float2Vector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images of every fate become a store, or are named. */
@Tag("slow")
class PictureShardsTest {
    private static final int GOOD = 9;
    private static final ImageOptions OPTIONS = ImageOptions.defaults().withMostPixels(5_000);

    @TempDir
    static Path shared;

    @TempDir
    Path folder;

    private static SparkSession spark;
    private static Path one, two;
    private static TowerReading reading;

    @BeforeAll
    static void open() throws IOException {
        spark = Sessions.open("local[2]", Map.of());
        Path target = SeeingTarget.write(shared.resolve("target"));
        try (Checkpoint checkpoint = Checkpoint.open(target)) {
            reading = TowerReading.of(checkpoint.vision().orElseThrow());
        }
        one = Files.createDirectories(shared.resolve("one/sub")).getParent();
        two = Files.createDirectories(shared.resolve("two"));
        for (int i = 0; i < GOOD; i++) {
            Path file = i % 2 == 0 ? one.resolve("sub/" + i + ".png") : two.resolve(i + ".png");
            Files.write(file, Pictures.noise(i, 10 + i, 25 - i));
        }
        Files.copy(two.resolve("3.png"), two.resolve("same.png"));
        Files.writeString(two.resolve("broken.png"), "no picture");
        Files.write(two.resolve("large.png"), Pictures.noise(1, 100, 80));
        Files.write(shared.resolve("secret.png"), Pictures.noise(1, 10, 10));
    }

    @AfterAll
    static void close() {
        spark.stop();
    }

    private static Path file(int i) {
        return i % 2 == 0 ? one.resolve(name(i)) : two.resolve(name(i));
    }

    private static String name(int i) {
        return i % 2 == 0 ? "sub/" + i + ".png" : i + ".png";
    }

    private static List<String> good() {
        List<String> names = new ArrayList<>(List.of("same.png"));
        for (int i = 0; i < GOOD; i++) names.add(name(i));
        return names;
    }

    private static List<String> all() {
        List<String> names = new ArrayList<>(good());
        names.addAll(List.of("broken.png", "large.png", "absent.png", "../secret.png", "sub", "3.png"));
        return names;
    }

    private PictureSpec spec(String output, PictureKind kind, List<String> names, boolean skip) {
        PictureFolders folders = PictureFolders.of(one, two);
        return new PictureSpec(folders, names, folder.resolve(output), kind, reading, OPTIONS, skip, 3);
    }

    @Test
    void everyFileIsCountedAndThoseThatAreNoneAreNamed() throws IOException {
        PictureManifest manifest = PictureShards.write(spark, spec("s", PictureKind.LEVELS, all(), true));
        assertThat(manifest.counts())
                .isEqualTo(new TreeMap<>(
                        Map.of("kept", 10L, "missing", 3L, "broken", 1L, "too_large", 1L, "pictures", (long) GOOD)));
        assertThat(PictureManifest.read(folder.resolve("s"))).isEqualTo(manifest);
        assertThat(manifest.files()).hasSizeGreaterThan(1);
        List<String> named = new ArrayList<>();
        for (String line : Files.readAllLines(folder.resolve("s/refused.jsonl"))) {
            var entry = new ObjectMapper().readTree(line);
            assertThat(entry.path("why").asText()).isNotEmpty();
            named.add(entry.path("file").asText() + " " + entry.path("fate").asText());
        }
        assertThat(named)
                .containsExactlyInAnyOrder(
                        "../secret.png MISSING",
                        "absent.png MISSING",
                        "sub MISSING",
                        "broken.png BROKEN",
                        "large.png TOO_LARGE");
        try (PictureStore store = PictureStore.open(folder.resolve("s")).verify()) {
            assertThat(store.size()).isEqualTo(GOOD);
            assertThat(store.index().size()).isEqualTo(15);
            assertThat(store.index().entry("same.png").id())
                    .isEqualTo(store.index().entry("3.png").id())
                    .isEqualTo(Hashes.of(two.resolve("3.png")));
            assertThat(store.index().entry("large.png").why()).contains("large.png", "100x80");
            assertThat(store.index().entry("other.png").fate()).isEqualTo(PictureFate.MISSING);
            assertThat(store.has(Hashes.of(two.resolve("large.png")))).isFalse();
        }
    }

    @Test
    void levelsGiveTheNumbersThatTheFileGives() throws IOException {
        PictureShards.write(spark, spec("s", PictureKind.LEVELS, good(), false));
        ImageLoader loader = new ImageLoader(reading.preprocessing(), OPTIONS);
        try (PictureStore store = PictureStore.open(folder.resolve("s"));
                CpuDevice device = new CpuDevice(1)) {
            for (int i = 0; i < GOOD; i++) {
                String id = store.index().entry(name(i)).id();
                assertThat(store.picture(id).id()).isEqualTo(id);
                assertThat(store.picture(id).pixels())
                        .isEqualTo(loader.load(file(i)).values());
            }
            assertThat(store.features(device)).isEmpty();
            assertThatThrownBy(() -> store.picture("other"))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("no picture other");
        }
    }

    @Test
    void featuresAreTheTowersRoundedToHalves() throws IOException {
        PictureManifest manifest = PictureShards.write(spark, spec("s", PictureKind.FEATURES, good(), false));
        assertThat(manifest.shape()).containsExactly(10, 16);
        ImageLoader loader = new ImageLoader(reading.preprocessing(), OPTIONS);
        int count = 160;
        float[] expected = new float[count], found = new float[count];
        try (PictureStore store = PictureStore.open(folder.resolve("s")).require(reading);
                CpuDevice device = new CpuDevice(2);
                Tower tower = reading.open();
                ClipTower clip = new ClipTower(device, tower, reading.layers());
                Features features = store.features(device).orElseThrow()) {
            assertThat(List.of(features.rows(), features.channels(), features.grid()))
                    .containsExactly(10, 16, 3);
            Buffer into = device.allocate(DType.F32, count);
            for (int i = 0; i < GOOD; i++) {
                clip.hidden(loader.load(file(i)).values(), into);
                device.download(into, expected, 0, count);
                for (int j = 0; j < count; j++) expected[j] = Float.float16ToFloat(Float.floatToFloat16(expected[j]));
                var picture = store.picture(store.index().entry(name(i)).id());
                features.of(picture, into);
                device.download(into, found, 0, count);
                assertThat(found).isEqualTo(expected);
                assertThatThrownBy(picture::pixels)
                        .isInstanceOf(Failure.class)
                        .hasMessageContaining("a store of features");
            }
        }
    }

    @Test
    void anyArrowReaderOpensIt() throws IOException {
        PictureShards.write(spark, spec("s", PictureKind.FEATURES, good(), false));
        int seen = 0;
        for (PictureManifest.PictureFile file :
                PictureManifest.read(folder.resolve("s")).files()) {
            try (var memory = new RootAllocator();
                    var in = new FileInputStream(
                            folder.resolve("s/" + file.name()).toFile());
                    var reader = new ArrowFileReader(in.getChannel(), memory)) {
                while (reader.loadNextBatch()) {
                    var root = reader.getVectorSchemaRoot();
                    var lists = (FixedSizeListVector) root.getVector("values");
                    assertThat(((Float2Vector) lists.getDataVector()).getValueCount())
                            .isEqualTo(160 * root.getRowCount());
                    assertThat(lists.getDataVector().getNullCount()).isZero();
                    assertThat(root.getVector("picture").getObject(0).toString())
                            .hasSize(64);
                    seen += root.getRowCount();
                }
            }
        }
        assertThat(seen).isEqualTo(GOOD);
    }

    @Test
    void sameImagesSameBytesHoweverTheyAreCut() throws IOException {
        for (PictureKind kind : PictureKind.values()) {
            List<String> turned = new ArrayList<>(all());
            Collections.reverse(turned);
            PictureManifest a = PictureShards.write(spark, spec("a" + kind, kind, all(), true), 1);
            PictureManifest b = PictureShards.write(spark, spec("b" + kind, kind, turned, true), 7);
            assertThat(b).isEqualTo(a);
            assertThat(bytes(folder.resolve("b" + kind))).isEqualTo(bytes(folder.resolve("a" + kind)));
        }
    }

    private static Map<String, String> bytes(Path folder) throws IOException {
        Map<String, String> hashes = new TreeMap<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : (Iterable<Path>) files::iterator)
                hashes.put(file.getFileName().toString(), Hashes.of(file));
        }
        assertThat(hashes).containsKeys("pictures.json", "index.jsonl", "refused.jsonl", "preprocessor_config.json");
        return hashes;
    }

    @Test
    void unlessTheyAreSkippedBadOnesAreRefusedAndNothingIsLeft() {
        for (String bad : List.of("broken.png", "large.png", "absent.png", "../secret.png")) {
            List<String> names = List.of(name(0), bad, name(1));
            assertThatThrownBy(() -> PictureShards.write(spark, spec("s", PictureKind.LEVELS, names, false)))
                    .isInstanceOf(Failure.class)
                    .satisfies(e -> assertThat(((Failure) e).kind()).isEqualTo(Failure.Kind.DATA))
                    .hasMessageContaining(bad);
        }
        List<String> none = List.of("broken.png", "absent.png");
        assertThatThrownBy(() -> PictureShards.write(spark, spec("s", PictureKind.LEVELS, none, true)))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("no picture at all")
                .hasMessageContaining("broken=1");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void otherThingsAreNotReplaced() throws IOException {
        Files.createDirectories(folder.resolve("s/mine"));
        assertThatThrownBy(() -> PictureShards.write(spark, spec("s", PictureKind.LEVELS, good(), false)))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("something else");
        PictureShards.write(spark, spec("t", PictureKind.LEVELS, good(), false));
        assertThat(PictureShards.write(spark, spec("t", PictureKind.FEATURES, good(), false))
                        .kind())
                .isEqualTo(PictureKind.FEATURES);
    }

    @Test
    void theSizeIsKnownBefore() throws IOException {
        for (PictureKind kind : PictureKind.values()) {
            PictureSpec spec = spec("s" + kind, kind, good(), false);
            PictureShards.write(spark, spec);
            long found = 0;
            try (Stream<Path> files = Files.list(spec.output())) {
                for (Path file : (Iterable<Path>) files::iterator) found += Files.size(file);
            }
            int each = kind == PictureKind.LEVELS ? 3 * 12 * 12 : 2 * 10 * 16;
            // A file's own metadata weigh much beside so small pictures.
            assertThat(PictureShards.bytes(spec)).isBetween(10L * each, 10L * each + 10 * 512);
            assertThat(found).isLessThan(PictureShards.bytes(spec) + 12_000);
        }
        PictureShards.requireRoom(folder.resolve("a/b"), 1);
        assertThatThrownBy(() -> PictureShards.requireRoom(folder.resolve("a/b"), Long.MAX_VALUE))
                .isInstanceOf(Failure.class)
                .satisfies(e -> assertThat(((Failure) e).kind()).isEqualTo(Failure.Kind.MACHINE))
                .hasMessageContaining("a/b");
    }

    @Test
    void anotherTowersStoreIsRefused() throws IOException {
        PictureShards.write(spark, spec("f", PictureKind.FEATURES, good(), false));
        PictureShards.write(spark, spec("l", PictureKind.LEVELS, good(), false));
        Path other = SeeingTarget.write(folder.resolve("other"), 99);
        TowerReading weights = new TowerReading(other.toString(), reading.aspect(), reading.layers());
        TowerReading layers = new TowerReading(reading.tower(), reading.aspect(), reading.layers() - 1);
        TowerReading aspect = new TowerReading(reading.tower(), ImageAspect.PAD, reading.layers());
        try (PictureStore features = PictureStore.open(folder.resolve("f"));
                PictureStore levels = PictureStore.open(folder.resolve("l"))) {
            refused("features of another tower", features, weights);
            refused("features of another tower", features, layers);
            refused("prepared otherwise", features, aspect);
            refused("prepared otherwise", levels, aspect);
            levels.require(weights).require(layers);
            ImagePreprocessing.clip(SeeingTarget.SIDE - 1).write(other);
            refused("prepared otherwise", levels, weights);
        }
    }

    private static void refused(String text, PictureStore store, TowerReading reading) {
        assertThatThrownBy(() -> store.require(reading))
                .isInstanceOf(Failure.class)
                .hasMessageContaining(text);
    }

    @Test
    void preprocessingOfAnotherSizeIsRefused() throws IOException {
        Path other = SeeingTarget.write(folder.resolve("other"), 99);
        ImagePreprocessing.clip(SeeingTarget.SIDE + 2).write(other);
        TowerReading wrong = new TowerReading(other.toString(), reading.aspect(), reading.layers());
        PictureSpec spec = PictureSpec.of(
                PictureFolders.of(one, two), good(), folder.resolve("s"), PictureKind.LEVELS, wrong, true);
        assertThatThrownBy(() -> PictureShards.write(spark, spec))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("14x14 pixels")
                .hasMessageContaining("12x12");
    }

    @Test
    void damageIsFound() throws IOException {
        PictureManifest manifest = PictureShards.write(spark, spec("s", PictureKind.LEVELS, good(), false));
        Path file = folder.resolve("s/" + manifest.files().getFirst().name());
        byte[] whole = Files.readAllBytes(file);
        byte[] flipped = whole.clone();
        flipped[whole.length / 3] ^= 4;
        Files.write(file, flipped);
        corrupt();
        Files.write(file, java.util.Arrays.copyOf(whole, whole.length - 40));
        corrupt();
        Files.write(file, whole);
        PictureStore.open(folder.resolve("s")).verify().close();
        Path json = folder.resolve("s/pictures.json");
        String text = Files.readString(json);
        Files.writeString(json, text.replace("\"schema\" : 1", "\"schema\" : 2"));
        assertThatThrownBy(() -> PictureStore.open(folder.resolve("s"))).hasMessageContaining("too new");
        Files.writeString(json, text.substring(0, text.length() / 2));
        corrupt();
        Files.writeString(json, text.replace("\"shape\" : [ 3, 12, 12 ]", "\"shape\" : [ 3, 12, 13 ]"));
        corrupt();
    }

    private void corrupt() {
        assertThatThrownBy(() -> {
                    try (PictureStore store = PictureStore.open(folder.resolve("s"))) {
                        store.verify();
                    }
                })
                .isInstanceOf(Failure.class)
                .hasMessageContaining("corrupt");
    }

    /** Real photographs. */
    @Test
    @Tag("goldens")
    void cocoImages() throws IOException {
        Path images = Shared.asset("coco/val2017");
        List<String> names;
        try (Stream<Path> files = Files.list(images)) {
            names = files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".jpg"))
                    .sorted()
                    .limit(12)
                    .toList();
        }
        PictureSpec spec = PictureSpec.of(
                PictureFolders.of(images), names, folder.resolve("s"), PictureKind.LEVELS, reading, false);
        assertThat(PictureShards.write(spark, spec).counts()).containsEntry("kept", (long) names.size());
        try (PictureStore store = PictureStore.open(folder.resolve("s"))) {
            String last = names.getLast();
            assertThat(store.picture(store.index().entry(last).id()).pixels())
                    .isEqualTo(new ImageLoader(reading.preprocessing(), ImageOptions.defaults())
                            .load(images.resolve(last))
                            .values());
        }
    }
}
