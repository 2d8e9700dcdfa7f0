package dev.outrider.data.conversation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.Words;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.Sessions;
import dev.outrider.data.Show;
import dev.outrider.data.TestTokenizer;
import dev.outrider.data.shard.Shards;
import dev.outrider.data.text.NearDuplicates;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rows of every fate become shards, or are counted. */
@Tag("slow")
class ConversationShardsTest {
    private static final String TEMPLATE = "{% for m in messages %}{{ '<' + m.role + '>' + m.content }}"
            + "{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}"
            + "{% if m.role == 'tool' %}{{ raise_exception('no tools here') }}{% endif %}{% endfor %}";
    private static final String STORY = "the small river went again and again to the sea and the story of a river that"
            + " went to the sea again is the story of the small sea that went to a river";

    @TempDir
    static Path shared;

    @TempDir
    Path folder;

    private boolean blind;

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

    private static String turns(String... turns) {
        StringBuilder out = new StringBuilder("{\"messages\":[");
        for (int i = 0; i < turns.length; i++) {
            out.append(i > 0 ? "," : "")
                    .append("{\"role\":\"%s\",\"content\":\"%s\"}"
                            .formatted(i % 2 == 0 ? "user" : "assistant", turns[i]));
        }
        return out.append("]}").toString();
    }

    private Path write(List<String> rows) throws IOException {
        return Files.write(folder.resolve("rows.jsonl"), rows);
    }

    private ConversationSpec spec(Path file, String output, int length, boolean last, boolean skip, double valid) {
        return new ConversationSpec(
                ConversationFiles.of(file),
                shared,
                Optional.empty(),
                Words.LITERAL,
                folder.resolve(output),
                length,
                last,
                skip,
                Optional.of(NearDuplicates.standard(1)),
                Optional.of(Contamination.of(List.of("who are you"), Contamination.SHARE)),
                Set.of("coco 42", "a sea"),
                blind,
                valid,
                100,
                7);
    }

    /** A draft that cannot see what its target does leaves the pictures out; a target that cannot reads their words. */
    @Test
    void picturesOfADraftThatCannotSee() throws IOException {
        Path file = write(List.of(turns("<image> a river", "the sea")));
        blind = true;
        var report = ConversationShards.write(spark, spec(file, "blind", 60, false, false, 0));
        assertThat(rows(report, "train")).containsExactly("<s><user>  a river<assistant>【the sea</s>】");
        blind = false;
        report = ConversationShards.write(spark, spec(file, "words", 60, false, false, 0));
        assertThat(rows(report, "train")).containsExactly("<s><user><image> a river<assistant>【the sea</s>】");
    }

    private List<String> rows(ConversationShards.Report report, String split) {
        List<String> out = new ArrayList<>();
        try (Shards shards = Shards.open(report.output().resolve(split)).verify()) {
            for (long r = 0; r < shards.rows(); r++) {
                out.add(Show.row(shards, tokenizer, r, false).split("\n", 2)[1]);
            }
        }
        return out;
    }

    @Test
    void everyRowHasItsFate() throws IOException {
        String tool = "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"tool\",\"content\":\"y\"},"
                + "{\"role\":\"assistant\",\"content\":\"z\"}]}";
        Path file = write(List.of(
                turns("a river", "the sea </s>"),
                turns("a river", "the sea </s>"),
                turns("a", "b", "c", "d"),
                turns("tell", STORY),
                turns("tell", STORY + " again"),
                turns("Who are YOU?", "a river"),
                turns("only me"),
                turns("a river ".repeat(40), "late"),
                tool,
                "{\"other\":1}"));

        ConversationShards.Report report = ConversationShards.write(spark, spec(file, "out", 120, false, true, 0));

        assertThat(report.counts())
                .isEqualTo(new TreeMap<>(Map.ofEntries(
                        Map.entry("read", 10L),
                        Map.entry("kept", 3L),
                        Map.entry("duplicate", 1L),
                        Map.entry("near_duplicate", 1L),
                        Map.entry("contaminated", 1L),
                        Map.entry("held_out", 0L),
                        Map.entry("no_answer", 1L),
                        Map.entry("no_supervision", 1L),
                        Map.entry("template_refused", 1L),
                        Map.entry("bad_row", 1L),
                        Map.entry("cut_at_length", 1L))));
        assertThat(report.examples().get("template_refused")).contains(file + ":9", "no tools here");
        assertThat(report.examples().get("bad_row")).contains(file + ":10", "[other]");
        assertThat(report.contaminated()).containsExactly(new Contamination.Found(file + ":6", "who are you", 1));
        assertThat(Files.readAllLines(report.output().resolve("contamination.jsonl")))
                .hasSize(1);
        assertThat(rows(report, "train"))
                .contains(
                        "<s><user>a river<assistant>【the sea </s></s>】",
                        "<s><user>a<assistant>【b</s>】<user>c<assistant>【d</s>】")
                .hasSize(3);
    }

    @Test
    void theLastTurnAlone() throws IOException {
        Path file = write(List.of(turns("a", "b", "c", "d"), "{\"input_ids\":[5,6,7,8,9],\"loss_mask\":[1,1,0,1,1]}"));
        assertThatThrownBy(() -> ConversationShards.write(spark, spec(file, "bad", 50, true, false, 0)))
                .isInstanceOf(Failure.class)
                .hasMessageContaining(file + ":2");
        Files.writeString(file, turns("a", "b", "c", "d"));
        ConversationShards.Report report = ConversationShards.write(spark, spec(file, "out", 50, true, false, 0));
        assertThat(rows(report, "train")).containsExactly("<s><user>a<assistant>b</s><user>c<assistant>【d</s>】");
    }

    @Test
    void tokensOfOthersAreTakenAsTheyAre() throws IOException {
        Path file = write(List.of("{\"input_ids\":[5,6,7,8,9],\"loss_mask\":[1,1,0,1,1]}"));
        ConversationShards.Report report = ConversationShards.write(spark, spec(file, "out", 4, false, false, 0));
        assertThat(report.counts()).containsEntry("cut_at_length", 1L).containsEntry("kept", 1L);
        try (Shards shards = Shards.open(report.output().resolve("train"))) {
            int[] tokens = new int[4];
            byte[] mask = new byte[4];
            shards.read(0, tokens, 0, mask, 0);
            assertThat(tokens).containsExactly(5, 6, 7, 8);
            assertThat(mask).containsExactly(0, 1, 0, 1);
        }
        Files.writeString(file, "{\"input_ids\":[5,99999],\"loss_mask\":[0,1]}");
        assertThatThrownBy(() -> ConversationShards.write(spark, spec(file, "big", 4, false, false, 0)))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("99999");
    }

    /** The same bytes twice, equal prompts on one side, and none of a row without supervision. */
    @Test
    void splitByPrompt() throws IOException {
        List<String> rows = new ArrayList<>();
        for (int i = 0; i < 60; i++) rows.add(turns("question " + i % 20, "answer " + i + " of the sea"));
        Path file = write(rows);
        ConversationShards.Report first = ConversationShards.write(spark, spec(file, "one", 60, false, false, 0.4));
        ConversationShards.Report second = ConversationShards.write(spark, spec(file, "two", 60, false, false, 0.4));
        assertThat(first.train()).isEqualTo(second.train());
        assertThat(first.valid()).isEqualTo(second.valid());
        TreeSet<String> train = prompts(rows(first, "train")), valid = prompts(rows(first, "valid"));
        assertThat(train.size() + valid.size()).isEqualTo(20);
        assertThat(train).doesNotContainAnyElementsOf(valid);
        assertThat(rows(first, "train")).allMatch(r -> r.contains("【"));
    }

    private static TreeSet<String> prompts(List<String> rows) {
        TreeSet<String> out = new TreeSet<>();
        for (String row : rows) out.add(row.substring(0, row.indexOf("<assistant>")));
        return out;
    }

    private static String seen(String image, String question) {
        return turns(question, "answer").replaceFirst("\\{", "{\"image\":\"" + image + "\",");
    }

    /** Whatever a file calls the image, and questions without one. */
    @Test
    void whatIsHeldOutIsNotTrainedOn() throws IOException {
        Path file = write(List.of(
                seen("COCO_val2014_000000000042.jpg", "a river"),
                seen("train2017/000000000042.jpg", "a story"),
                turns("a small river", "answer").replaceFirst("\\{", "{\"image_id\":42,"),
                turns("a sea", "answer"),
                seen("COCO_val2014_000000000043.jpg", "a sea"),
                seen("43.png", "the river")));
        ConversationShards.Report report = ConversationShards.write(spark, spec(file, "out", 60, false, false, 0));
        assertThat(report.counts()).containsEntry("held_out", 4L).containsEntry("kept", 2L);
        assertThat(prompts(rows(report, "train"))).containsExactly("<s><user>a sea", "<s><user>the river");
    }

    @Test
    void nothingLeftIsRefused() throws IOException {
        Path file = write(List.of(turns("a river ".repeat(40), "late")));
        assertThatThrownBy(() -> ConversationShards.write(spark, spec(file, "out", 20, false, false, 0)))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("no_supervision=1")
                .hasMessageContaining(file + ":1");
        assertThat(folder.resolve("out")).doesNotExist();
    }
}
