package dev.outrider.recipes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.recipes.report.Evaluation;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** The quickstart, made tiny, from end to end as a user runs it; then what a second run does. */
@Tag("slow")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class PipelineTest {
    @TempDir
    static Path folder;

    private static final String ALIGNED = "{name: chat, answers: text, training: {steps: 3, batch: 4, rate: 1e-2}},"
            + " {name: llava-text, start: chat, answers: seen, training: {steps: 3, batch: 4, rate: 1e-2}},"
            + " {name: adapter, start: chat, answers: seen, adapter: {from: target}, frozen: true, loss: kl, share: 1,"
            + " training: {steps: 2, batch: 4, rate: 1e-2}}";

    /** Three tasks of text, five about pictures. */
    private static final int TASKS = 8;

    private static final List<String> TINY = List.of(
            "world.documents=120",
            "world.prompts=60",
            "world.seen=80",
            "world.seen_prompts=60",
            "tower.shape={image: 48, patch: 24, layers: 1, hidden: 16, intermediate: 32, heads: 2, embedding: 8}",
            "tower.training={steps: 4, batch: 8, rate: 1e-3}",
            "text.length=192",
            "text.validation=0.2",
            "tokenizer.size=400",
            "target.shape={layers: 2, hidden: 32, intermediate: 64, heads: 2, max_positions: 256}",
            "target.training={steps: 6, batch: 4, rate: 1e-2}",
            "draft={layers: 1, hidden: 16, intermediate: 32, heads: 1, max_positions: 256}",
            "pretrain={steps: 6, batch: 4, rate: 1e-2}",
            "generate.max_tokens=16",
            "generate.evaluation=0.1",
            "alignments=[" + ALIGNED + "]",
            "distill.warmup_steps=2",
            "distill.training={steps: 6, batch: 4, rate: 1e-2, validate_every: 3}",
            "evaluate={drafters: [bigram, pretrained, llava-text, llava], pairs: {llava: llava-text},"
                    + " gammas: [1, 3], temperatures: [0, 1], prompts: 1, max_tokens: 12}");

    private static String execute(String... arguments) {
        PrintStream before = System.out;
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        try {
            assertThat(Outrider.command().execute(arguments)).isZero();
        } finally {
            System.setOut(before);
        }
        return out.toString(StandardCharsets.UTF_8);
    }

    private static String run(String... more) {
        List<String> arguments = new ArrayList<>(
                List.of("run", root().resolve("recipes/quickstart.yaml").toString()));
        arguments.addAll(TINY);
        arguments.add("run=" + folder.resolve("run"));
        arguments.addAll(List.of(more));
        return execute(arguments.toArray(String[]::new));
    }

    private static Path root() {
        return Path.of(System.getProperty("outrider.root"));
    }

    @Test
    @Order(1)
    void fromNothingToAReport() throws Exception {
        String out = run();
        assertThat(out).contains("Proof:", "Report:", "./outrider chat", "llava-text", "pretrained", "bigram");
        Evaluation result = Evaluation.read(folder.resolve("run/evaluation.json"));
        assertThat(result.compared()).isEqualTo(TASKS * 4 * 2);
        assertThat(result.identical()).isEqualTo(result.compared());
        assertThat(result.overall()).hasSize(4 * 2 * 2);
        assertThat(result.overall()).allSatisfy(r -> {
            assertThat(r.tau()).isBetween(1.0, r.gamma() + 1.0);
            assertThat(r.mbsu()).isEqualTo(r.tau() / (r.c() * r.gamma() + 1));
            assertThat(r.ratio()).isPositive();
        });
        String html = Files.readString(folder.resolve("run/report.html"));
        assertThat(html)
                .contains("<svg", "class=\"hit\"", "block efficiency", "distill", "64 of 64", "needs the picture");
        assertThat(html).contains("src=\"data:image/png;base64,");
        assertThat(html.replace("src=\"data:image/png;base64,", ""))
                .doesNotContain("http://", "https://", "<script", "src=");
        assertThat(result.outcomes()).hasSize(2 * 2 * 2 * TASKS);
        for (String made : List.of(
                ".",
                "corpus",
                "tokenizer",
                "text",
                "prompts",
                "answers",
                "alignment",
                "export/target",
                "pictures",
                "seen",
                "tower",
                "export/draft-llava")) {
            assertThat(folder.resolve("run").resolve(made).resolve("provenance.json"))
                    .as(made)
                    .content()
                    .contains("quickstart");
        }
        assertThat(folder.resolve("run/distill/metrics.jsonl"))
                .content()
                .contains("answers/acceptance", "valid/tau_greedy_3");
    }

    @Test
    @Order(2)
    void aSecondRunLeavesEverythingAndAChangedSettingOnlyWhatComesAfter() throws Exception {
        FileTime exported = Files.getLastModifiedTime(folder.resolve("run/export/draft-llava/model.safetensors"));
        String again = run();
        assertThat(again).contains("[corpus] done before", "[evaluate] done before", "[report] done before");
        String changed = run("evaluate={drafters: [llava], gammas: [2], temperatures: [0], prompts: 1, max_tokens: 8}");
        assertThat(changed).contains("[export] done before").doesNotContain("[evaluate] done before");
        assertThat(Files.getLastModifiedTime(folder.resolve("run/export/draft-llava/model.safetensors")))
                .isEqualTo(exported);
    }

    @Test
    @Order(3)
    void planPrintsShapesAndCostsAndRunsNothing() {
        String out = execute(
                "pretrain",
                root().resolve("recipes/base-115m.yaml").toString(),
                "--plan",
                "target.checkpoint=" + folder.resolve("run/export/target"),
                "run=" + folder.resolve("never"));
        assertThat(out).contains("minimum: 0.1", "4 layers, hidden 1024", "precision: F32", "days", "GB");
        String mixed = execute(
                "pretrain",
                root().resolve("recipes/base-115m.yaml").toString(),
                "--plan",
                "pretrain.precision=bf16",
                "target.checkpoint=" + folder.resolve("run/export/target"),
                "run=" + folder.resolve("never"));
        assertThat(days(out) / days(mixed)).isBetween(1.5, 1.8);
        String seeing = execute(
                "run",
                root().resolve("recipes/ft-llava-tiny.yaml").toString(),
                "--plan",
                "target.checkpoint=" + exported("target"),
                "draft={start: " + exported("draft-chat") + "}",
                "evaluate={drafters: [llava], pairs: {llava: llava-text}}",
                "run=" + folder.resolve("never"));
        assertThat(seeing).contains("pictures of 48 pixels in 4 patches", "adapter  of adapter: 4 rows of a picture");
        assertThat(folder.resolve("never")).doesNotExist();
    }

    private static double days(String plan) {
        Matcher said = Pattern.compile("pretrain .* about ([0-9]+) days").matcher(plan);
        assertThat(said.find()).as(plan).isTrue();
        return Double.parseDouble(said.group(1));
    }

    @Test
    @Order(4)
    void inspectSaysWhatThingsAre() {
        assertThat(execute("inspect", folder.resolve("run/export/draft-llava").toString(), "--tensors"))
                .contains("parameters", "model.embed_tokens.weight", "tokenizer   400 pieces", "by: outrider");
        assertThat(execute("inspect", folder.resolve("run/distill").toString())).contains("training    step 6");
        assertThat(execute("inspect", folder.resolve("run/alignment/train").toString()))
                .contains("rows", "supervised");
    }

    @Test
    @Order(5)
    void dataShowMarksTheSupervisedPart() {
        String out = execute(
                "data",
                "show",
                folder.resolve("run/alignment/train").toString(),
                "--tokenizer",
                folder.resolve("run/tokenizer").toString());
        assertThat(out).containsAnyOf("Scene:", "<image>");
    }

    @Test
    @Order(6)
    void chatAnswersWithAndWithoutADraft() throws Exception {
        assertThat(plain(chat("--draft", exported("draft-llava"), "--gamma", "3")))
                .isEqualTo(plain(chat()));
        assertThat(plain(chat("--image", picture(), "--draft", exported("draft-llava"), "--gamma", "3")))
                .isEqualTo(plain(chat("--image", picture())));
    }

    private static String exported(String name) {
        return folder.resolve("run/export").resolve(name).toString();
    }

    private static String picture() throws IOException {
        try (Stream<Path> pictures = Files.list(folder.resolve("run/corpus/pictures"))) {
            return pictures.sorted().findFirst().orElseThrow().toString();
        }
    }

    private static String chat(String... more) {
        InputStream before = System.in;
        System.setIn(new ByteArrayInputStream("Hello there\n\n".getBytes(StandardCharsets.UTF_8)));
        try {
            List<String> arguments =
                    new ArrayList<>(List.of("chat", "--target", exported("target"), "--max-tokens", "8"));
            arguments.addAll(List.of(more));
            return execute(arguments.toArray(String[]::new));
        } finally {
            System.setIn(before);
        }
    }

    @Test
    @Order(7)
    void exportsAreWholeAndFindTheTower() throws Exception {
        for (String file : List.of("preprocessor_config.json", "chat_template.jinja", "tokenizer.json")) {
            assertThat(Path.of(exported("target"), file)).exists();
        }
        assertThat(Path.of(exported("draft-llava"), "config.json")).content().contains("\"../target\"");
        assertThat(Path.of(exported("draft-llava-text"), "config.json"))
                .content()
                .doesNotContain("mm_");
        assertThat(execute("inspect", exported("draft-llava"))).contains("projector", "tower");
    }

    /** The alignment that trains the adapter alone begins as the chat draft; the next one trains all. */
    @Test
    @Order(7)
    void aFrozenDraftKeepsItsBits() {
        try (Checkpoint chat = Checkpoint.open(Path.of(exported("draft-chat")));
                Checkpoint adapter = Checkpoint.open(Path.of(exported("draft-adapter")));
                Checkpoint all = Checkpoint.open(Path.of(exported("draft-llava")))) {
            for (String name : chat.names()) {
                assertThat(adapter.tensor(name)
                                .data()
                                .mismatch(chat.tensor(name).data()))
                        .as(name)
                        .isNegative();
            }
            String head = "lm_head.weight";
            assertThat(all.tensor(head).data().mismatch(chat.tensor(head).data()))
                    .isNotNegative();
        }
    }

    @Test
    @Order(7)
    void picturesThatAreHeldOutAreNotTrainedOn() throws Exception {
        Set<String> heldOut = images("seen-heldout.jsonl"), trained = images("seen.jsonl");
        trained.addAll(images("seen-prompts.jsonl"));
        trained.addAll(images("captions.jsonl"));
        assertThat(heldOut).isNotEmpty().doesNotContainAnyElementsOf(trained);
        assertThat(images("captions-heldout.jsonl")).doesNotContainAnyElementsOf(trained);
    }

    private static Set<String> images(String file) throws IOException {
        Set<String> images = new HashSet<>();
        Matcher named = Pattern.compile("\"image\":\"([^\"]+)\"")
                .matcher(Files.readString(folder.resolve("run/corpus").resolve(file)));
        while (named.find()) images.add(named.group(1));
        return images;
    }

    /** The tiny twin's way: a target that is given and sees, a draft that begins as another run's. */
    @Test
    @Order(8)
    void aGivenTargetAndADraftOfAnotherRun() throws Exception {
        String out = execute(
                "run",
                root().resolve("recipes/ft-llava-tiny.yaml").toString(),
                "run=" + folder.resolve("given"),
                "world={documents: 60, prompts: 1, seen_prompts: 60}",
                "text.length=192",
                "text.validation=0.2",
                "target.checkpoint=" + exported("target"),
                "draft={start: " + exported("draft-chat") + "}",
                "generate.max_tokens=16",
                "alignments=[{name: adapter, answers: seen, adapter: {from: random}, frozen: true, loss: kl, share: 1,"
                        + " training: {steps: 2, batch: 4, rate: 1e-2}}]",
                "distill.warmup_steps=2",
                "distill.training={steps: 3, batch: 4, rate: 1e-2}",
                "evaluate={drafts: {chat: " + exported("draft-chat") + "}, drafters: [chat, llava],"
                        + " pairs: {llava: chat}, gammas: [2], temperatures: [0], prompts: 1, max_tokens: 8}");
        assertThat(out).contains("pictures: 60 named", "Proof:", "--image ", "τ of llava less that of chat");
        Evaluation result = Evaluation.read(folder.resolve("given/evaluation.json"));
        assertThat(result.identical()).isEqualTo(result.compared()).isPositive();
        assertThat(result.rows()).anyMatch(r -> r.task().equals("seen-question"));
    }

    // Without colours and figures.
    private static String plain(String text) {
        return text.replaceAll("\u001b\\[\\d+m", "").replaceAll("\\[\\d+ tokens.*]", "");
    }
}
