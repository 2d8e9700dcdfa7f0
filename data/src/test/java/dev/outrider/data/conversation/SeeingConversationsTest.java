package dev.outrider.data.conversation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.Words;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.SeeingTarget;
import dev.outrider.data.Sessions;
import dev.outrider.data.Show;
import dev.outrider.data.TestTokenizer;
import dev.outrider.data.image.ImageOptions;
import dev.outrider.data.image.PictureFolders;
import dev.outrider.data.image.PictureKind;
import dev.outrider.data.image.PictureShards;
import dev.outrider.data.image.PictureSpec;
import dev.outrider.data.image.PictureStore;
import dev.outrider.data.image.Pictures;
import dev.outrider.data.image.TowerReading;
import dev.outrider.data.shard.Hashes;
import dev.outrider.data.shard.Shards;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** LLaVA's rows become rows with pictures, for a target that sees. */
@Tag("slow")
class SeeingConversationsTest {
    private static final int IMAGES = 30;

    @TempDir
    static Path shared;

    @TempDir
    Path folder;

    private static SparkSession spark;
    private static Tokenizer tokenizer;
    private static Path target, store;

    @BeforeAll
    static void open() throws IOException {
        spark = Sessions.open("local[2]", Map.of());
        tokenizer = TestTokenizer.train();
        target = SeeingTarget.write(shared.resolve("target"));
        Path images = Files.createDirectories(shared.resolve("images"));
        List<String> names = new ArrayList<>(List.of("broken.png", "large.png", "absent.png"));
        for (int i = 0; i < IMAGES; i++) {
            names.add(i + ".png");
            Files.write(images.resolve(i + ".png"), Pictures.noise(i, 12, 12));
        }
        Files.writeString(images.resolve("broken.png"), "no picture");
        Files.write(images.resolve("large.png"), Pictures.noise(1, 50, 50));
        store = shared.resolve("store");
        try (Checkpoint checkpoint = Checkpoint.open(target)) {
            TowerReading reading = TowerReading.of(checkpoint.vision().orElseThrow());
            ImageOptions options = ImageOptions.defaults().withMostPixels(1000);
            PictureShards.write(
                    spark,
                    new PictureSpec(
                            PictureFolders.of(images), names, store, PictureKind.LEVELS, reading, options, true, 100));
        }
    }

    @AfterAll
    static void close() {
        spark.stop();
    }

    private static String row(String images, String... turns) {
        StringBuilder out = new StringBuilder("{" + images + "'conversations':[");
        for (int i = 0; i < turns.length; i++) {
            out.append(i > 0 ? "," : "")
                    .append("{'from':'%s','value':'%s'}".formatted(i % 2 == 0 ? "human" : "gpt", turns[i]));
        }
        return out.append("]}").toString().replace('\'', '"');
    }

    private ConversationSpec spec(List<String> rows, boolean sees, boolean skip, int length, double valid)
            throws IOException {
        return new ConversationSpec(
                ConversationFiles.of(Files.write(folder.resolve("rows.jsonl"), rows)),
                target,
                Optional.empty(),
                Words.LITERAL,
                folder.resolve("out"),
                length,
                false,
                skip,
                Optional.empty(),
                Optional.empty(),
                Set.of(),
                sees ? Optional.of(store) : Optional.empty(),
                false,
                valid,
                100,
                7);
    }

    /** Each row's text, its supervised part marked, and the pictures that it names, by their files. */
    private Map<String, List<String>> rows(String split) throws IOException {
        Map<String, String> files = new HashMap<>();
        for (int i = 0; i < IMAGES; i++) files.put(Hashes.of(shared.resolve("images/" + i + ".png")), i + ".png");
        Map<String, List<String>> out = new HashMap<>();
        try (Shards shards = Shards.open(folder.resolve("out").resolve(split)).verify()) {
            for (long r = 0; r < shards.rows(); r++) {
                out.put(
                        Show.row(shards, tokenizer, r, false).split("\n", 2)[1],
                        shards.pictures(r).stream().map(files::get).toList());
            }
        }
        return out;
    }

    @Test
    void picturesBecomePlaceholdersBeforeTheirTurns() throws IOException {
        ConversationShards.write(
                spark,
                spec(
                        List.of(
                                row("'image':'1.png',", "<image>\\na river", "the sea"),
                                row("'image':'2.png',", "a story\\n<image>", "the sea", "again", "a river"),
                                row("'image':['3.png','4.png'],", "<image>a<image>b", "c"),
                                row("'images':['5.png','5.png'],", "<image>\\na", "b", "c\\n<image>", "d <s>"),
                                row("", "a small", "river"),
                                row("'image':'6.png',", "a small", "<image> sea")),
                        true,
                        false,
                        80,
                        0));
        assertThat(rows("train"))
                .isEqualTo(Map.of(
                        "<s><user><image>\na river<assistant>【the sea</s>】", List.of("1.png"),
                        "<s><user><image>\na story<assistant>【the sea</s>】<user>again<assistant>【a river</s>】",
                                List.of("2.png"),
                        "<s><user><image>a<image>b<assistant>【c</s>】", List.of("3.png", "4.png"),
                        "<s><user><image>\na<assistant>【b</s>】<user><image>\nc<assistant>【d <s></s>】",
                                List.of("5.png", "5.png"),
                        "<s><user>a small<assistant>【river</s>】", List.of(),
                        "<s><user>a small<assistant><image>【\nsea</s>】", List.of("6.png")));
    }

    @Test
    void aRowThatIsCutKeepsThePicturesThatAreLeft() throws IOException {
        String row = row("'image':['1.png','2.png'],", "<image>\\na", "b", "a river again <image>", "c");
        ConversationShards.write(spark, spec(List.of(row), true, false, 25, 0));
        assertThat(rows("train").values()).containsExactly(List.of("1.png"));
    }

    @Test
    void everyReasonHasItsFate() throws IOException {
        List<String> rows = List.of(
                row("'image':'1.png',", "<image>\\na river", "the sea"),
                row("'image':'absent.png',", "<image>\\na", "b"),
                row("'image':'unknown.png',", "<image>\\na", "b"),
                row("'image':'broken.png',", "<image>\\na", "b"),
                row("'image':'large.png',", "<image>\\na", "b"),
                row("'image':'2.png',", "a river", "b"),
                row("", "<image>\\na river", "b"),
                row("'image':['1.png','2.png'],", "<image>\\na river", "b"));
        ConversationShards.Report report = ConversationShards.write(spark, spec(rows, true, true, 80, 0));
        assertThat(report.counts())
                .containsEntry("kept", 1L)
                .containsEntry("picture_missing", 2L)
                .containsEntry("picture_broken", 1L)
                .containsEntry("picture_too_large", 1L)
                .containsEntry("pictures_differ", 3L)
                .containsEntry("template_refused", 0L)
                .containsEntry("read", 8L);
        assertThat(report.examples().get("picture_broken")).contains("rows.jsonl:4", "broken.png");
        assertThat(report.examples().get("pictures_differ")).contains("rows.jsonl:6", "1 images and 0 times <image>");
        assertThat(report.train().facts()).containsEntry("pictures", PictureStore.hash(store));
        for (int bad = 1; bad < rows.size(); bad++) {
            ConversationSpec refusing = spec(List.of(rows.getFirst(), rows.get(bad)), true, false, 80, 0);
            assertThatThrownBy(() -> ConversationShards.write(spark, refusing))
                    .isInstanceOf(Failure.class)
                    .satisfies(e -> assertThat(((Failure) e).kind()).isEqualTo(Failure.Kind.DATA))
                    .hasMessageContaining("rows.jsonl:2")
                    .hasMessageMatching("(?s).*(picture_missing|picture_broken|picture_too_large|pictures_differ).*");
        }
    }

    @Test
    void aTargetThatReadsTextAloneHasTheWordsAsTheyAre() throws IOException {
        String row = row("'image':'absent.png',", "a river\\n<image>", "the sea");
        ConversationShards.write(spark, spec(List.of(row), false, false, 80, 0));
        assertThat(rows("train")).isEqualTo(Map.of("<s><user>a river\n<image><assistant>【the sea</s>】", List.of()));
        try (Shards shards = Shards.open(folder.resolve("out/train"))) {
            int[] tokens = new int[80];
            shards.read(0, tokens, 0, new byte[80], 0);
            assertThat(tokens).doesNotContain(-1);
        }
    }

    @Test
    void imagesThatBelongTogetherFallOnOneSide() throws IOException {
        List<String> rows = new ArrayList<>();
        for (int i = 0; i < IMAGES; i++) {
            rows.add(row("'image':'" + i + ".png',", "<image>\\na river " + i, "the sea"));
            rows.add(row("'image':'" + i + ".png',", "<image>\\nthe story " + i, "a sea"));
        }
        // A chain of images: all of the first ten belong together.
        for (int i = 9; i > 0; i--) {
            rows.add(row("'image':['%d.png','%d.png'],".formatted(i, i - 1), "<image><image>again", "" + i));
        }
        ConversationShards.write(spark, spec(rows, true, false, 80, 0.4));
        TreeSet<String> train = images("train"), valid = images("valid");
        assertThat(train.size() + valid.size()).isEqualTo(IMAGES);
        assertThat(train).doesNotContainAnyElementsOf(valid);
        assertThat(valid).hasSizeGreaterThan(2);
        assertThat(train).hasSizeGreaterThan(2);
        boolean there = train.contains("0.png");
        for (int i = 1; i < 10; i++) assertThat(train.contains(i + ".png")).isEqualTo(there);
    }

    private TreeSet<String> images(String split) throws IOException {
        TreeSet<String> out = new TreeSet<>();
        rows(split).values().forEach(out::addAll);
        return out;
    }

    @Test
    void namesThatComeTogetherHaveOneFirst() {
        Map<String, String> first = Together.first(
                List.of(List.of("d", "c"), List.of("x", "y"), List.of("c", "b"), List.of("z", "z"), List.of("e", "b")));
        for (String name : List.of("b", "c", "d", "e")) {
            assertThat(first.getOrDefault(name, name)).as(name).isEqualTo("b");
        }
        assertThat(first.getOrDefault("y", "y")).isEqualTo("x");
        assertThat(first.getOrDefault("z", "z")).isEqualTo("z");
    }
}
