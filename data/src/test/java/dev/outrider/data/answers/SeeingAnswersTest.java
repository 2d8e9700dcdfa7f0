package dev.outrider.data.answers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Vision;
import dev.outrider.checkpoints.chat.Words;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.SeeingTarget;
import dev.outrider.data.Sessions;
import dev.outrider.data.TestTokenizer;
import dev.outrider.data.conversation.ConversationFiles;
import dev.outrider.data.conversation.PictureIds;
import dev.outrider.data.image.ImageFile;
import dev.outrider.data.image.ImageLoader;
import dev.outrider.data.image.PictureFolders;
import dev.outrider.data.image.PictureKind;
import dev.outrider.data.image.PictureShards;
import dev.outrider.data.image.PictureSpec;
import dev.outrider.data.image.Pictures;
import dev.outrider.data.image.TowerReading;
import dev.outrider.data.shard.Hashes;
import dev.outrider.data.shard.Shards;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.LlamaWeights;
import dev.outrider.decode.model.Llava;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.model.Sight;
import dev.outrider.decode.model.WeightType;
import dev.outrider.decode.ngram.NgramTable;
import dev.outrider.decode.speculate.Decoder;
import dev.outrider.decode.speculate.Limits;
import dev.outrider.decode.speculate.Listener;
import dev.outrider.decode.speculate.Sampling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A tiny random LLaVA answers about pictures. */
@Tag("slow")
class SeeingAnswersTest {
    private static final int IMAGES = 4, EACH = 3, MOST = 8, SAMPLES = 3;
    private static final int ABOUT_IMAGES = IMAGES * EACH, ANSWERABLE = ABOUT_IMAGES + 3;

    @TempDir
    static Path shared;

    @TempDir
    Path folder;

    private static SparkSession spark;
    private static Tokenizer tokenizer;
    private static Path target, images, prompts;
    private static AnswerReport first;

    @BeforeAll
    static void open() throws IOException {
        spark = Sessions.open("local[2]", Map.of());
        tokenizer = TestTokenizer.train();
        target = SeeingTarget.write(shared.resolve("target"));
        images = Files.createDirectories(shared.resolve("images"));
        for (int i = 0; i < IMAGES; i++) Files.write(images.resolve(i + ".png"), Pictures.noise(i, 14, 20));
        Files.writeString(images.resolve("broken.png"), "no picture");
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < ABOUT_IMAGES; i++) {
            lines.add(prompt("p%02d".formatted(i), "<image> story " + i, "\"" + i % IMAGES + ".png\""));
        }
        lines.add(prompt("q-two", "a <image> river <image>", "\"0.png\", \"1.png\""));
        lines.add(prompt("q-twice", "<image> a <image> sea", "\"2.png\", \"2.png\""));
        lines.add(prompt("q-none", "the sea", ""));
        lines.add(prompt("r-absent", "<image> sea", "\"absent.png\""));
        lines.add(prompt("r-broken", "<image> sea", "\"broken.png\""));
        lines.add(prompt("r-few", "<image> sea <image>", "\"0.png\""));
        lines.add(prompt("s-long", "<image> " + "sea again ".repeat(60), "\"0.png\""));
        lines.add(prompt("s-large", "<image> ".repeat(11), "\"0.png\"" + ", \"0.png\"".repeat(10)));
        prompts = Files.write(shared.resolve("prompts.jsonl"), lines);
        first = Answers.generate(spark, spec(shared.resolve("answers"), eyes()), Progress.NONE);
    }

    @AfterAll
    static void close() {
        spark.stop();
    }

    @AfterEach
    void everyTargetIsClosed() {
        assertThat(SharedTarget.open()).isZero();
    }

    private static String prompt(String id, String text, String names) {
        return "{\"id\":\"%s\",\"prompt\":\"%s\",\"images\":[%s]}".formatted(id, text, names);
    }

    private static AnswerEyes eyes() {
        return AnswerEyes.of(images.toString());
    }

    private static AnswerSpec spec(Path output, AnswerEyes eyes) {
        return spec(new Prompts.Jsonl(List.of(prompts)), target, output, eyes);
    }

    private static AnswerSpec spec(Prompts from, Path model, Path output, AnswerEyes eyes) {
        return new AnswerSpec(
                        from, model, output, List.of(0.0, 0.9), 0.95, 2, MOST, SeeingTarget.CONTEXT, 5, 4, 1, 6, 0)
                .with(eyes, WeightType.STORED);
    }

    private static Map<String, Answer> answers(Path output) {
        Map<String, Answer> out = new TreeMap<>();
        Answers.read(output, answer -> assertThat(out.put(answer.id(), answer)).isNull());
        return out;
    }

    private static Map<String, String> texts(Path output) {
        return answers(output).values().stream()
                .filter(Answer::success)
                .collect(Collectors.toMap(Answer::id, a -> Arrays.toString(a.answerIds()) + a.pictures()));
    }

    private static String id(String name) throws IOException {
        return Hashes.of(images.resolve(name));
    }

    @Test
    void everyQuestionHasItsFate() throws IOException {
        assertThat(first.success()).isEqualTo(ANSWERABLE * SAMPLES);
        assertThat(first.errors()).isEqualTo(3 * SAMPLES);
        assertThat(first.skipped()).isEqualTo(2 * SAMPLES);
        Map<String, Answer> all = answers(first.output());
        assertThat(all.get("r-absent@0.0#0").error()).contains("absent.png", "no such image");
        assertThat(all.get("r-broken@0.0#0").error()).contains("broken.png");
        assertThat(all.get("r-few@0.0#0").error()).contains("2 places for pictures");
        assertThat(all.get("s-large@0.0#0").error()).contains("leave no room in a context of 96");
        Answer two = all.get("q-two@0.9#1");
        assertThat(two.images()).containsExactly("0.png", "1.png");
        assertThat(two.pictures()).containsExactly(id("0.png"), id("1.png"));
        assertThat(two.promptIds()).contains(-1, -2).doesNotContain(-3);
        assertThat(all.get("q-none@0.0#0").pictures()).isEmpty();
    }

    @Test
    void theTowerSeesEachPictureOnce() {
        assertThat(first.towerRuns()).isEqualTo(IMAGES);
    }

    @Test
    void greedyAnswersAreTheModelsOwn() throws IOException {
        try (CpuDevice device = new CpuDevice(1);
                Checkpoint checkpoint = Checkpoint.open(target);
                LlamaWeights weights = LlamaWeights.load(device, checkpoint);
                Sight sight = Sight.of(device, checkpoint.vision().orElseThrow(), 8)) {
            Vision vision = checkpoint.vision().orElseThrow();
            ImageLoader loader = ImageLoader.of(vision);
            Set<Integer> ends = AnswerTask.ends(checkpoint.config(), tokenizer);
            int compared = 0;
            for (Answer answer : answers(first.output()).values()) {
                if (!answer.success() || answer.temperature() > 0) continue;
                try (Llava model = new Llava(device, new Llama(device, weights, SeeingTarget.CONTEXT), vision, sight)) {
                    List<Picture> pictures = new ArrayList<>();
                    for (String name : answer.images()) pictures.add(new ImageFile(images.resolve(name), loader));
                    model.show(pictures);
                    int[] expected = new Decoder(model)
                            .autoregressive(
                                    answer.promptIds(), Sampling.GREEDY, new Limits(MOST, ends), 0, Listener.NONE)
                            .tokens();
                    assertThat(answer.answerIds()).as(answer.id()).isEqualTo(expected);
                    compared++;
                }
            }
            assertThat(compared).isEqualTo(ANSWERABLE);
        }
    }

    @Test
    void otherPicturesOtherAnswers() {
        Map<String, String> all = texts(first.output());
        long different = all.entrySet().stream()
                .filter(e -> e.getKey().startsWith("p") && e.getKey().endsWith("@0.0#0"))
                .map(Map.Entry::getValue)
                .distinct()
                .count();
        assertThat(different).isGreaterThan(IMAGES);
    }

    @Test
    void whatIsLeftIsContinuedAndSeesOnlyWhatItMust() throws IOException {
        Path output = folder.resolve("answers");
        Answers.generate(spark, spec(output, eyes()), Progress.NONE);
        Files.delete(Part.file(output, 0));
        AnswerReport again = Answers.generate(spark, spec(output, eyes()), Progress.NONE);
        assertThat(again.found()).isEqualTo(again.asked() - 4 * SAMPLES);
        assertThat(again.towerRuns()).isBetween(1L, (long) IMAGES - 1);
        assertThat(texts(output)).isEqualTo(texts(first.output()));
        assertThat(Answers.generate(spark, spec(output, eyes()), Progress.NONE).towerRuns())
                .isZero();
    }

    @Test
    void otherImagesAreAnotherJob() throws IOException {
        Path output = folder.resolve("answers"), changed = folder.resolve("prompts.jsonl");
        Answers.generate(spark, spec(output, eyes()), Progress.NONE);
        Files.writeString(changed, Files.readString(prompts).replace("\"3.png\"", "\"3x.png\""));
        AnswerSpec other = spec(new Prompts.Jsonl(List.of(changed)), target, output, eyes());
        assertThatThrownBy(() -> Answers.generate(spark, other, Progress.NONE))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("another job");
    }

    @Test
    void aStoreGivesTheSameAnswersWithoutTheTower() throws IOException {
        List<String> names = List.of("0.png", "1.png", "2.png", "3.png", "broken.png", "absent.png");
        for (PictureKind kind : PictureKind.values()) {
            Path store = folder.resolve("store" + kind), output = folder.resolve("answers" + kind);
            try (Checkpoint checkpoint = Checkpoint.open(target)) {
                TowerReading reading = TowerReading.of(checkpoint.vision().orElseThrow());
                PictureFolders folders = PictureFolders.of(images);
                PictureShards.write(spark, PictureSpec.of(folders, names, store, kind, reading, true));
            }
            AnswerEyes stored = new AnswerEyes(List.of(), store.toString(), "", 0);
            AnswerReport report = Answers.generate(spark, spec(output, stored), Progress.NONE);
            assertThat(report.towerRuns()).isEqualTo(kind == PictureKind.LEVELS ? IMAGES : 0);
            assertThat(report.errors()).isEqualTo(first.errors());
            assertThat(answers(output).get("r-broken@0.0#0").error()).contains("broken.png");
            if (kind == PictureKind.LEVELS) assertThat(texts(output)).isEqualTo(texts(first.output()));
            else assertThat(texts(output)).hasSameSizeAs(texts(first.output()));
        }
        Path other = SeeingTarget.write(folder.resolve("other"), 3);
        AnswerSpec wrong = spec(
                new Prompts.Jsonl(List.of(prompts)),
                other,
                folder.resolve("x"),
                new AnswerEyes(List.of(), folder.resolve("storeFEATURES").toString(), "", 0));
        assertThatThrownBy(() -> Answers.generate(spark, wrong, Progress.NONE))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("another tower");
    }

    @Test
    void picturesThatNobodySeesAreRefused() throws IOException {
        AnswerSpec blind = spec(folder.resolve("x"), AnswerEyes.NONE);
        assertThatThrownBy(() -> Answers.generate(spark, blind, Progress.NONE))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("prompt p00 about [0.png]");
        Path text = TinyTarget.write(folder.resolve("text"));
        AnswerSpec none = spec(new Prompts.Jsonl(List.of(prompts)), text, folder.resolve("y"), eyes());
        assertThatThrownBy(() -> Answers.generate(
                        spark,
                        new AnswerSpec(
                                        none.prompts(),
                                        text,
                                        none.output(),
                                        List.of(0.0),
                                        1,
                                        1,
                                        5,
                                        TinyTarget.CONTEXT,
                                        1,
                                        4,
                                        1)
                                .with(eyes(), WeightType.STORED),
                        Progress.NONE))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("reads text alone");
        AnswerSpec nowhere =
                spec(folder.resolve("z"), AnswerEyes.of(folder.resolve("no").toString()));
        assertThatThrownBy(() -> Answers.generate(spark, nowhere, Progress.NONE))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("no such folder");
    }

    @Test
    void shardsHaveThePicturesAndSplitByThem() throws IOException {
        AnswerShards.Spec spec = new AnswerShards.Spec(
                first.output(), folder.resolve("shards"), SeeingTarget.CONTEXT, Set.of(), 0.5, 100, 3);
        AnswerShards.Report report = AnswerShards.write(spark, spec);
        assertThat(report.counts()).containsEntry("kept", (long) ANSWERABLE * SAMPLES);
        Map<String, Answer> answers = answers(first.output());
        List<TreeSet<String>> sides = new ArrayList<>();
        for (String split : List.of("train", "valid")) {
            TreeSet<String> seen = new TreeSet<>();
            try (Shards shards = Shards.open(folder.resolve("shards").resolve(split))) {
                int[] tokens = new int[shards.length()];
                byte[] mask = new byte[shards.length()];
                for (long row = 0; row < shards.rows(); row++) {
                    Answer answer = answers.get(shards.document(row));
                    shards.read(row, tokens, 0, mask, 0);
                    assertThat(shards.pictures(row)).isEqualTo(answer.pictures());
                    int from = answer.promptIds().length;
                    assertThat(Arrays.copyOf(tokens, from)).isEqualTo(answer.promptIds());
                    for (int t = 0; t < from; t++) assertThat(mask[t]).isZero();
                    if (!answer.images().isEmpty()) seen.add(answer.images().getFirst());
                }
            }
            sides.add(seen);
        }
        assertThat(sides.getFirst()).isNotEmpty().doesNotContainAnyElementsOf(sides.getLast());
        assertThat(sides.getLast()).isNotEmpty();
        tableWithoutPictures(folder.resolve("shards/train"));
        assertThat(RecordedAnswers.greedy(first.output()))
                .hasSize(ANSWERABLE)
                .allSatisfy(r -> assertThat(r.prompt()).doesNotContain(-1));
    }

    private void tableWithoutPictures(Path shards) {
        Path table = folder.resolve("table");
        AnswerNgrams.make(spark, new AnswerNgrams.Spec(shards, table));
        try (NgramTable opened = NgramTable.open(table)) {
            assertThat(opened.vocabulary()).isEqualTo(tokenizer.size() + 1);
        }
    }

    @Test
    void promptsOfConversationsAreThoseOfTheirImages() throws IOException {
        Path rows = Files.writeString(folder.resolve("rows.jsonl"), """
                {"id":"a","image":"0.png","conversations":[{"from":"human","value":"a river\\n<image>"},{"from":"gpt","value":"x"}]}
                {"id":"b","image":"1.png","conversations":[{"from":"human","value":"<image>\\na river"},{"from":"gpt","value":"x"}]}
                {"id":"c","image":"1.png","conversations":[{"from":"human","value":"<image>\\na river"},{"from":"gpt","value":"y"}]}
                {"id":"d","conversations":[{"from":"human","value":"a river"}]}
                """);
        Prompts source = new Prompts.Conversations(ConversationFiles.of(rows), target, Optional.empty(), Words.LITERAL);
        List<Prompt> read = source.read(spark);
        assertThat(read).extracting(Prompt::pictures).containsExactly(List.of(), List.of("0.png"), List.of("1.png"));
        assertThat(read).extracting(Prompt::id).startsWith("d", "a").doesNotContain("b", "c");
        assertThat(read.get(1).text()).isEqualTo("<user><image>\na river<assistant>");
        assertThat(Picture.number(Arrays.stream(read.get(1).ids()).min().getAsInt()))
                .isZero();
        Path file = folder.resolve("out.jsonl");
        Prompts.Jsonl.write(file, read);
        assertThat(new Prompts.Jsonl(List.of(file)).read(spark)).isEqualTo(read);
        AnswerReport report = Answers.generate(spark, spec(source, target, folder.resolve("a"), eyes()), Progress.NONE);
        assertThat(report.success()).isEqualTo(3 * SAMPLES);
        assertThat(report.towerRuns()).isEqualTo(2);

        Path text = TinyTarget.write(folder.resolve("text"));
        Files.writeString(text.resolve("chat_template.jinja"), SeeingTarget.TEMPLATE);
        assertThat(new Prompts.Conversations(ConversationFiles.of(rows), text, Optional.empty(), Words.LITERAL)
                        .read(spark))
                .hasSize(3)
                .allSatisfy(p -> assertThat(p.pictures()).isEmpty());

        Files.writeString(rows, "{\"image\":\"0.png\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}");
        assertThatThrownBy(() -> source.read(spark))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("rows.jsonl:1")
                .hasMessageContaining("1 images and 0 times <image>");
    }

    @Test
    void aTextsPicturesAreNumberedFromTheFront() {
        int[] ids = PictureIds.of(tokenizer, "a<image>river <image>");
        int[] river = tokenizer.encode("river ", false);
        assertThat(ids[0]).isEqualTo(tokenizer.bosId());
        assertThat(Arrays.stream(ids).filter(Picture::isPlaceholder)).containsExactly(-1, -2);
        assertThat(ids).endsWith(-2).containsSequence(river);
        PictureIds.require(ids, 2);
        for (int[] bad : new int[][] {{1, -1}, {-1, -1}, {-1, -3}, {-2, -1, -3}}) {
            assertThatThrownBy(() -> PictureIds.require(bad, 2)).isInstanceOf(Failure.class);
        }
    }

    /** Files that versions wrote that saw nothing. */
    @Test
    void answersWithoutPicturesAreStillRead() throws IOException {
        Path output = folder.resolve("text"), some = folder.resolve("some.jsonl");
        Files.writeString(some, "{\"id\":\"a\",\"prompt\":\"the sea\"}");
        AnswerSpec spec = spec(new Prompts.Jsonl(List.of(some)), target, output, AnswerEyes.NONE);
        Answers.generate(spark, spec, Progress.NONE);
        Path plan = output.resolve("plan.json"), part = Part.file(output, 0);
        String before = Files.readString(plan), answer = Files.readString(part);
        Files.writeString(plan, before.replaceAll(",\\s*\"eyes\" : \"\"", ""));
        Files.writeString(part, answer.replace("\"images\":[],\"pictures\":[],", ""));
        assertThat(Files.readString(plan)).isNotEqualTo(before);
        assertThat(Files.readString(part)).isNotEqualTo(answer);
        AnswerReport again = Answers.generate(spark, spec, Progress.NONE);
        assertThat(again.found()).isEqualTo(again.asked()).isEqualTo(SAMPLES);
    }
}
