package dev.outrider.data.answers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.Sessions;
import dev.outrider.data.Show;
import dev.outrider.data.TestTokenizer;
import dev.outrider.data.conversation.ConversationFiles;
import dev.outrider.data.shard.Shards;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Recorded answers become shards, image by image on one side of the split, whatever the files call the image. */
@Tag("slow")
class RecordedShardsTest {
    private static final String TEMPLATE = "{% for m in messages %}{% if m.role == 'user' %}[{{ m.content }}]{% else %}"
            + "{{ m.content }}{{ eos_token }}{% endif %}{% endfor %}";
    private static final int IMAGES = 60;

    @TempDir
    static Path shared;

    @TempDir
    Path folder;

    private static SparkSession spark;
    private static Tokenizer tokenizer;

    @BeforeAll
    static void open() throws IOException {
        spark = Sessions.open("local[2]", Map.of());
        TestTokenizer.write(shared);
        tokenizer = TestTokenizer.train();
        Files.writeString(shared.resolve("chat_template.jinja"), TEMPLATE);
    }

    @AfterAll
    static void close() {
        spark.stop();
    }

    /** Each image once in every file, under another name. */
    private Path[] files() throws IOException {
        return new Path[] {
            write("whole", "COCO_val2014_%012d.jpg", "greedy", "the story %d"),
            write("cut", "train2017/%012d.jpg", "greedy, cut at 64 new tokens", "the river %d aga"),
            write("sampled", "%d", "sampled T=0.7", "the sea %d")
        };
    }

    private Path write(String name, String image, String decoding, String answer) throws IOException {
        return Files.writeString(
                folder.resolve(name + ".jsonl"),
                IntStream.range(0, IMAGES)
                        .mapToObj(i -> ("{\"id\": \"" + name + "-" + i + "\", \"image\": \"" + image
                                        + "\", \"decoding\": \""
                                        + decoding + "\", \"conversations\": [{\"from\": \"human\", \"value\":"
                                        + " \"<image>what is it\"}, {\"from\": \"gpt\", \"value\": \"" + answer
                                        + "\"}]}")
                                .formatted(i, i))
                        .collect(Collectors.joining("\n")));
    }

    private RecordedShards.Spec spec(String output, int length, Path... files) {
        return new RecordedShards.Spec(
                ConversationFiles.of(files),
                shared,
                Optional.empty(),
                folder.resolve(output),
                length,
                0.1,
                0.2,
                100,
                7);
    }

    private record Row(String document, String text) {
        int image() {
            return Integer.parseInt(document.substring(document.indexOf('-') + 1));
        }

        boolean from(String file) {
            return document.startsWith(file);
        }
    }

    private List<Row> rows(Path split) {
        List<Row> out = new ArrayList<>();
        try (Shards shards = Shards.open(split).verify()) {
            for (long r = 0; r < shards.rows(); r++) {
                out.add(new Row(
                        shards.document(r),
                        Show.row(shards, tokenizer, r, false).split("\n", 2)[1]));
            }
        }
        return out;
    }

    private static Set<Integer> images(List<Row> rows) {
        return rows.stream().map(Row::image).collect(Collectors.toCollection(TreeSet::new));
    }

    @Test
    void imageByImageOverAllFiles() throws IOException {
        RecordedShards.Spec spec = spec("out", 64, files());
        RecordedShards.Report report = RecordedShards.write(spark, spec);
        List<Row> train = rows(folder.resolve("out/train")),
                valid = rows(folder.resolve("out/valid")),
                test = rows(folder.resolve("out/test"));
        assertThat(images(valid)).isNotEmpty().doesNotContainAnyElementsOf(images(test));
        assertThat(images(test)).hasSizeBetween(5, 20);
        assertThat(images(train))
                .hasSize(IMAGES - valid.size() - test.size())
                .doesNotContainAnyElementsOf(images(valid))
                .doesNotContainAnyElementsOf(images(test));
        assertThat(train).hasSize(3 * images(train).size());
        assertThat(valid).allMatch(r -> r.from("whole"));
        assertThat(test).allMatch(r -> r.from("whole"));
        int heldOut = valid.size() + test.size();
        assertThat(report.counts())
                .isEqualTo(Map.of(
                        "read",
                        3L * IMAGES,
                        "train",
                        (long) train.size(),
                        "valid",
                        (long) valid.size(),
                        "test",
                        (long) test.size(),
                        "held_out",
                        2L * heldOut,
                        "no_room",
                        0L,
                        "cut_at_length",
                        0L));
        assertThat(spec.heldOut().test())
                .isEqualTo(images(test).stream().map(i -> "coco " + i).collect(Collectors.toSet()));
        assertThat(spec.heldOut().all()).hasSize(heldOut);
    }

    @Test
    void theAnswerAloneIsLearntWithoutThePictureAndCutOnesHaveNoEnd() throws IOException {
        RecordedShards.write(spark, spec("out", 64, files()));
        assertThat(rows(folder.resolve("out/train"))).allSatisfy(row -> {
            String said = row.from("whole")
                    ? "the story " + row.image() + "</s>"
                    : row.from("cut") ? "the river " + row.image() : "the sea " + row.image() + "</s>";
            // What follows a picture is tokenised for itself: it begins with the tokenizer's space.
            assertThat(row.text()).isEqualTo("<s>[ what is it]【" + said + "】");
        });
    }

    @Test
    void theSameBytesAgainAndLongOnesAreCut() throws IOException {
        Path[] files = files();
        var first = RecordedShards.write(spark, spec("one", 64, files));
        var second = RecordedShards.write(spark, spec("two", 64, files));
        assertThat(first.train()).isEqualTo(second.train());
        assertThat(first.test()).isEqualTo(second.test());
        int prompt = tokenizer.encodeWithBos("[what is it]").length;
        var shorter = RecordedShards.write(spark, spec("three", prompt + 3, files));
        assertThat(shorter.counts()).containsEntry("no_room", 0L);
        assertThat(shorter.counts().get("cut_at_length")).isPositive();
        assertThat(rows(folder.resolve("three/test"))).noneMatch(r -> r.text().contains("</s>"));
    }

    /** Nothing could be replayed about them: holding them out would only lose text. */
    @Test
    void whatNoWholeGreedyAnswerIsAboutIsAllLearnt() throws IOException {
        List<Path> files = new ArrayList<>(List.of(files()));
        files.add(write("other", "9%08d.jpg", "greedy, cut at 64 new tokens", "the hill %d aga"));
        RecordedShards.write(spark, spec("out", 64, files.toArray(Path[]::new)));
        assertThat(rows(folder.resolve("out/train")).stream().filter(r -> r.from("other")))
                .hasSize(IMAGES);
    }

    @Test
    void withoutGreedyAnswersThereIsNothingToHoldOut() throws IOException {
        Path sampled = files()[2];
        assertThatThrownBy(() -> RecordedShards.write(spark, spec("out", 64, sampled)))
                .isInstanceOf(Failure.class)
                .hasMessageContainingAll(sampled.toString(), "no answer for the split valid", "greedy");
        assertThat(folder.resolve("out")).doesNotExist();
    }
}
