package dev.outrider.recipes;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.data.conversation.Conversation;
import dev.outrider.data.conversation.ConversationFiles;
import dev.outrider.data.shard.ShardManifest;
import dev.outrider.recipes.report.Evaluation;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** Tower, target and drafts of a user's own pictures, out of files in the forms of COCO and NLVR. */
@Tag("slow")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class RealPicturesTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int PHOTOS = 40, STATEMENTS = 24;
    /** Two whose files are no pictures, the second of them held out; one whose file is not there. */
    private static final int BROKEN = 3, BROKEN_HELD_OUT = 1, MISSING = 4;
    /** One with a caption longer than a tower's text half reads. */
    private static final int TALKATIVE = 7;

    private static final Color[] COLOURS = {Color.RED, Color.BLUE, Color.GREEN, Color.YELLOW};
    private static final String[] NAMES = {"red", "blue", "green", "yellow"};

    @TempDir
    static Path folder;

    @BeforeAll
    static void write() throws IOException {
        List<String> images = new ArrayList<>(), captions = new ArrayList<>(), statements = new ArrayList<>();
        for (int i = 0; i < PHOTOS; i++) {
            String name = "%012d.jpg".formatted(i);
            images.add("{\"id\": %d, \"file_name\": \"%s\"}".formatted(i, name));
            for (int c = 0; c < 2; c++) {
                String more = i == TALKATIVE ? " and so on".repeat(80) : "";
                captions.add("{\"id\": %d, \"image_id\": %d, \"caption\": \"a %s square in picture number %d of %d%s\"}"
                        .formatted(2 * i + c, i, NAMES[i % 4], i, c, more));
            }
            if (i != MISSING) picture("photos/" + name, "jpg", COLOURS[i % 4], 60, 40);
        }
        for (int broken : new int[] {BROKEN, BROKEN_HELD_OUT}) {
            Files.writeString(folder.resolve("photos/%012d.jpg".formatted(broken)), "no picture");
        }
        for (int i = 0; i < STATEMENTS; i++) {
            statements.add(
                    "{\"sentence\": \"some box number %d has one %s item\", \"label\": \"%s\", \"identifier\": \"%d-0\","
                                    .formatted(i, NAMES[i % 4], i % 3 > 0, i)
                            + " \"directory\": \"1\"}");
            for (int p = 0; p < 6; p++)
                picture("images/1/dev-%d-0-%d.png".formatted(i, p), "png", COLOURS[i % 4], 80, 20);
        }
        Files.writeString(
                folder.resolve("captions.json"), "{\"images\": " + images + ", \"annotations\": " + captions + "}");
        statements.add("{\"sentence\": \"no label\", \"identifier\": \"99-0\", \"directory\": \"1\"}");
        Files.writeString(folder.resolve("dev.json"), String.join("\n", statements));
    }

    private static void picture(String name, String format, Color colour, int width, int height) throws IOException {
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        Graphics2D g = image.createGraphics();
        g.setColor(colour);
        g.fillRect(width / 4, height / 4, width / 2, height / 2);
        g.dispose();
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        ImageIO.write(image, format, file.toFile());
    }

    private static CommandLineRun outrider(String... more) {
        return outrider("run", List.of(more));
    }

    private static CommandLineRun outrider(String verb, List<String> more) {
        Path recipe = Path.of(System.getProperty("outrider.root"), "recipes/real-pictures.yaml");
        List<String> arguments = new ArrayList<>(List.of(verb, recipe.toString()));
        arguments.addAll(List.of(
                "run=" + folder.resolve("run"),
                "pictures.folders=[" + folder.resolve("photos") + ", " + folder + "]",
                "pictures.tasks=[]",
                "pictures.dialogues=[" + folder.resolve("captions.json") + ", " + folder.resolve("dev.json") + "]",
                "text.inputs=[" + folder.resolve("captions.json") + "]",
                "text.validation=0.2",
                "tokenizer.size=340",
                "tower.shape={image: 32, patch: 16, layers: 1, hidden: 16, intermediate: 32, heads: 2, embedding: 8}",
                "tower.training={steps: 4, batch: 8, rate: 1e-3}",
                "target.shape={layers: 2, hidden: 32, intermediate: 64, heads: 2, max_positions: 256}",
                "target.training={steps: 6, batch: 6, rate: 1e-2}",
                "draft={layers: 1, hidden: 16, intermediate: 32, heads: 1, max_positions: 256}",
                "pretrain={steps: 4, batch: 4, rate: 1e-2}",
                "generate.max_tokens=12",
                "generate.most=60",
                "generate.evaluation=0.2",
                "alignments=[{name: llava-text, answers: seen, training: {steps: 3, batch: 4, rate: 1e-2}}]",
                "distill={name: llava, answers: seen, adapter: {from: target},"
                        + " training: {steps: 4, batch: 4, rate: 1e-2}}",
                "evaluate={drafters: [pretrained, llava-text, llava], pairs: {llava: llava-text}, gammas: [2],"
                        + " temperatures: [0], prompts: 2, max_tokens: 10}"));
        arguments.addAll(more);
        return CommandLineRun.of(arguments.toArray(String[]::new));
    }

    private static Path corpus(String name) {
        return folder.resolve("run/corpus").resolve(name);
    }

    private static List<Conversation> dialogues(String name) {
        List<Conversation> out = new ArrayList<>();
        ConversationFiles.of(corpus(name)).forEach(e -> out.add((Conversation) e));
        return out;
    }

    private static Set<String> subjects(Stream<Conversation> of) {
        return of.flatMap(c -> c.images().stream())
                .map(name -> name.replaceFirst("-\\d\\.png", ""))
                .collect(Collectors.toSet());
    }

    @Test
    @Order(1)
    void fromFilesOfPicturesToWhatTheyAreWorth() throws IOException {
        String out = outrider().succeeds().out();
        assertThat(out)
                .contains("τ of llava less that of llava-text", "has a picture", "--image")
                .contains("left out: prompt", "%012d.jpg".formatted(BROKEN_HELD_OUT))
                .contains("left out: 1 bad rows, for example " + folder.resolve("dev.json") + ":" + (STATEMENTS + 1))
                .doesNotContain("NaN");
        Evaluation result = Evaluation.read(folder.resolve("run/evaluation.json"));
        assertThat(result.compared()).isEqualTo(3 * 3 * 2);
        assertThat(result.identical()).isEqualTo(result.compared());
        assertThat(result.rows().stream().map(Evaluation.Row::task)).contains("coco-caption", "nlvr", "nlvr-truth");
        assertThat(Files.readString(folder.resolve("run/report.html"))).contains("data:image/png;base64,");
    }

    /** Neither pictures nor what is said of them; of NLVR's statements all six pictures are on one side. */
    @Test
    @Order(2)
    void whatIsEvaluatedOnIsLearntNowhere() throws IOException {
        List<Conversation> trained = dialogues("seen.jsonl"), held = dialogues("seen-heldout.jsonl");
        Set<String> learnt = subjects(trained.stream()), evaluated = subjects(held.stream());
        assertThat(learnt).doesNotContainAnyElementsOf(evaluated);
        assertThat(learnt.size() + evaluated.size()).isEqualTo(PHOTOS - 1 + STATEMENTS);
        assertThat(evaluated)
                .hasSizeBetween(4, 24)
                .anyMatch(s -> s.endsWith(".jpg"))
                .anyMatch(s -> s.startsWith("images"));
        assertThat(subjects(dialogues("seen-prompts.jsonl").stream())).isEqualTo(learnt);
        assertThat(held).allSatisfy(c -> assertThat(c.messages()).hasSize(1));
        String words = Files.readString(corpus("words.jsonl"));
        for (Conversation c : held) {
            String number = c.images().getFirst().replaceFirst(".*?(\\d+)(-0-\\d)?\\.(jpg|png)", "$1");
            String said = "number " + Long.parseLong(number) + (c.task().startsWith("nlvr") ? " has" : " of");
            assertThat(words).as(c.toString()).doesNotContain(said);
        }
        long photos = evaluated.stream().filter(s -> s.endsWith(".jpg")).count();
        assertThat(ShardManifest.read(folder.resolve("run/text/train")).counts())
                .containsEntry("held_out", 2 * photos);
        Set<String> captioned = new HashSet<>();
        for (String line : Files.readAllLines(corpus("captions.jsonl"))) {
            JsonNode row = JSON.readTree(line);
            assertThat(row.path("caption").asText()).contains("number");
            captioned.add(row.path("image").asText());
        }
        assertThat(captioned).noneMatch(name -> evaluated.contains(name.replaceFirst("-\\d\\.png", "")));
        for (String line : Files.readAllLines(corpus("captions-heldout.jsonl"))) {
            String name = JSON.readTree(line).path("image").asText();
            assertThat(evaluated).contains(name.replaceFirst("-\\d\\.png", ""));
        }
    }

    @Test
    @Order(3)
    void badPicturesAreLeftOutOrRefusedByName() {
        assertThat(Files.exists(corpus("seen.jsonl"))).isTrue();
        assertThat(subjects(Stream.concat(dialogues("seen.jsonl").stream(), dialogues("seen-heldout.jsonl").stream())))
                .doesNotContain("%012d.jpg".formatted(MISSING));
        outrider("pictures.bad=refuse", "run=" + folder.resolve("strict")).failsWith(3, "dev.json:" + (STATEMENTS + 1));
        outrider(
                        "pictures.bad=refuse",
                        "run=" + folder.resolve("stricter"),
                        "pictures.dialogues=[" + folder.resolve("captions.json") + "]")
                .failsWith(3, "%012d.jpg".formatted(BROKEN));
    }

    @Test
    @Order(4)
    void onlyTheTasksThatAreWanted() throws IOException {
        Path other = folder.resolve("tasks");
        outrider("data", List.of("run=" + other, "pictures.tasks=[nlvr-truth]")).succeeds();
        for (String file : List.of("seen.jsonl", "seen-prompts.jsonl", "seen-heldout.jsonl")) {
            assertThat(Files.readAllLines(other.resolve("corpus").resolve(file)))
                    .as(file)
                    .isNotEmpty()
                    .allMatch(line -> line.contains("\"task\":\"nlvr-truth\""));
        }
        outrider("pictures.tasks=[nobody]", "run=" + folder.resolve("none")).failsWith(3, "of the tasks [nobody]");
    }

    @Test
    @Order(5)
    void whatDoesNotGoTogetherIsRefused() {
        outrider("world={documents: 5, seen: 3}", "text={}").failsWith(2, "pictures.dialogues beside a world");
        outrider("pictures.folders=[]").failsWith(2, "pictures.dialogues without pictures.folders");
        outrider("generate.evaluation=0").failsWith(2, "pictures.dialogues with generate.evaluation 0");
        outrider("evaluate.suites={own: /no/prompts}").failsWith(2, "pictures.dialogues with evaluate.suites");
        outrider("target={checkpoint: .}").failsWith(2, "pictures.dialogues with a given target");
        outrider("target.template=own").failsWith(2, "pictures.dialogues without target.template");
        outrider("pictures.dialogues=[]").failsWith(2, "0 pictures.dialogues");
        outrider("pictures.dialogues=[/no/rows]", "run=" + folder.resolve("other"))
                .failsWith(2, "pictures.dialogues: found nothing at /no/rows");
        outrider("tower.training={steps: 4, batch: 8, rate: 1e-3, dropout: 0.1}")
                .failsWith(2, "dropout in tower.training");
    }
}
