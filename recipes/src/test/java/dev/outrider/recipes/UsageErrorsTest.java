package dev.outrider.recipes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.decode.device.Devices;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Mistakes at the command line and in recipes, as their author reads them. */
class UsageErrorsTest {
    @TempDir
    Path folder;

    private String recipe;

    @BeforeEach
    void write() throws IOException {
        recipe = Tiny.recipe(folder).toString();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "fly",
                "--fly",
                "run",
                "inspect",
                "chat",
                "chat --target x --gamma x",
                "data show",
                "inspect a b",
                "parity pack",
                "convert a",
                "convert a b --dtype q4"
            })
    void misuseIsSaidInThreeLines(String arguments) {
        CommandLineRun run = CommandLineRun.of(arguments.isEmpty() ? new String[0] : arguments.split(" "));
        run.failsWith(2, "--help");
        assertThat(run.err().lines()).hasSizeLessThanOrEqualTo(3);
        assertThat(run.out()).isEmpty();
    }

    @Test
    void similarVerbsAndOptionsAreNamed() {
        CommandLineRun.of("quickstrt").failsWith(2, "'quickstrt'", "quickstart");
        CommandLineRun.of("chat", "--target", "x", "--gama", "3").failsWith(2, "--gama", "--gamma");
        CommandLineRun.of("chat", "--target", "x", "--device", "tpu").failsWith(2, "tpu", Devices.NAMES);
    }

    @Test
    void versionAndHelpAreNoErrors() {
        assertThat(CommandLineRun.of("--version").succeeds().out()).startsWith("outrider ");
        assertThat(CommandLineRun.of("--help").succeeds().out()).contains("quickstart", "Exit codes");
    }

    @Test
    void allMistakesOfARecipeWithTheirLines() throws IOException {
        Path broken = folder.resolve("broken.yaml");
        Files.writeString(
                broken,
                Files.readString(Path.of(recipe))
                        .replace("draft: {layers: 1", "draft: {layer: 1")
                        .replace("batch: 2, rate: 1e-3, save_every: 2", "batch: two, rate: -1, save_every: 2"));
        CommandLineRun.of("run", broken.toString(), "draft.hiden=4", "distill.loss=tvd+", "evaluate.gammas=[3, 17]")
                .failsWith(
                        2,
                        broken + ": 7 problems",
                        "line 9: found unknown key 'draft.layer'; expected one of layers, hidden",
                        "Did you mean 'layers'?",
                        "line 9: found recipe: found a draft of 0 layers, hidden 8",
                        "line 10: found 'two' for pretrain.batch; expected a whole number",
                        "line 10: found -1 for pretrain.rate; expected at least 0",
                        "override 'draft.hiden=4': found unknown key 'draft.hiden'",
                        "override 'distill.loss=tvd+': found 'tvd+' for distill.loss; expected one of ce, kl",
                        "override 'evaluate.gammas=[3, 17]': found 17 for evaluate.gammas; expected 1 to 16");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "evaluate.gammas=[0]: 0 for evaluate.gammas; expected 1 to 16",
                "evaluate.gammas=[]: no evaluate.gammas; expected at least one",
                "evaluate.temperatures=[-1]: -1 for evaluate.temperatures; expected at least 0",
                "generate.temperatures=[0, -0.5]: -0.5 for generate.temperatures; expected at least 0",
                "pretrain.rate=.inf: '.inf' for pretrain.rate; expected a number",
                "pretrain.rate=Infinity: Infinity for pretrain.rate; expected at least 0",
                "pretrain.warmup=7: warmup 7 for 6 steps; expected at most as many as steps",
                "draft.heads=8: heads of 1 channels; expected an even number",
                "draft.kv_heads=3: 1 heads over 3 kv_heads; expected a number of kv_heads that divides heads",
                "draft.max_positions=16: draft.max_positions 16 for text.length 32; expected at least as many",
                "nonsense: no '='; expected section.key=value",
                "pretrain.precision=fp8: 'fp8' for pretrain.precision; expected one of f32, bf16",
                "device=gpu: recipe: found device gpu; expected cpu, cuda, or cuda:1 for the second card",
                "pretrain=3: '3' for pretrain; expected a section with keys",
                "text.length.x=3: 'length' is no section; expected section.key=value",
                "text.written=5: recipe: found text.inputs beside text.written; expected text from one place",
                "text.format=conversations: recipe: found text.format conversations with a target that is still",
                "draft.cut=[0]: recipe: found a draft begun in 2 ways; expected one of: a shape",
                "distill.start=kl: recipe: found alignment aligned with start 'kl'; expected one of those before it: pre",
                "distill.name=lookup: recipe: found an alignment named 'lookup'; expected a name of its own",
                "distill.laws=stored: recipe: found alignment aligned with stored laws, and generate.top_k 0",
                "generate.evaluation=0: recipe: found generate.evaluation 0 without evaluate.suites; expected prompts",
                "export.gguf=[q8_0]: recipe: found export.gguf with a target that is still to be trained",
                "evaluate.drafters=[lookup, gone]: recipe: found evaluate.drafters with 'gone'; expected some of lookup",
                "evaluate.drafters=[ngram, ngram]: recipe: found evaluate.drafters [ngram, ngram]; expected each drafter",
                "evaluate.combine=gone: recipe: found evaluate.combine 'gone'; expected one of pretrained, aligned"
            })
    void settingsThatCannotWork(String overrideAndMessage) {
        String[] both = overrideAndMessage.split(": ", 2);
        CommandLineRun.of("run", recipe, both[0]).failsWith(2, recipe + ": 1 problem", "found " + both[1]);
        assertThat(folder.resolve("run")).doesNotExist();
    }

    @Test
    void settingsThatDoNotFitTogether() {
        usage("draft={layers: 1, hidden: 8, intermediate: 16, heads: 1, tied: true, vocabulary: 64}")
                .failsWith(2, "draft.vocabulary with draft.tied; expected an output matrix of its own");
        usage("draft={start: /no/draft, vocabulary: 64}").failsWith(2, "draft.vocabulary with draft.start");
        usage("draft={}").failsWith(2, "a draft begun in 0 ways");
        usage("export={dtype: f16, pad_vocabulary: 320}").failsWith(2, "export.dtype f16 with export.pad_vocabulary");
        usage("distill.laws=stored", "generate.top_k=8", "distill.on_policy={share: 0.5}")
                .failsWith(2, "stored laws with on_policy.share 0.5; expected online laws");
        usage("distill.laws=stored", "generate.top_k=8", "distill.temperature=2")
                .failsWith(2, "stored laws at temperature 2");
        usage("alignments=[{name: kl, start: late, training: {steps: 1, batch: 1, rate: 1}}]")
                .failsWith(2, "alignment kl with start 'late'");
        usage("distill.share=0.9", "distill.training={steps: 1, batch: 1, rate: 1}")
                .failsWith(2, "batches of 1 and a share of 0.9; expected a row of answers in every step");
        usage("alignments=[{name: eyes, adapter: {from: target}, training: {steps: 1, batch: 2, rate: 1}}]")
                .failsWith(2, "a target that cannot see");
        usage("alignments=[{training: {steps: 1, batch: 2, rate: 1}}]")
                .failsWith(2, "an alignment named 'aligned'; expected a name of its own");
        usage("text.inputs=[]", "world.seen=10")
                .failsWith(2, "a target to train without target.adapter, and 10 of world.seen");
        usage("text.inputs=[]", "world.seen_prompts=10")
                .failsWith(2, "world.seen_prompts for a target that cannot see");
        usage("target.adapter={pool: 1}").failsWith(2, "target.adapter without a tower");
        usage("distill.frozen=true").failsWith(2, "with frozen, of a draft that does not see");
        usage(
                        "text.inputs=[]",
                        "world.seen=10",
                        "target.adapter={pool: 1}",
                        "tower={checkpoint: /no/tower}",
                        "alignments=[{name: eyes, adapter: {from: random}, training: {steps: 1, batch: 2, rate: 1}}]",
                        "distill={name: more, start: eyes, adapter: {from: random},"
                                + " training: {steps: 1, batch: 2, rate: 1}}")
                .failsWith(2, "with an adapter for 'eyes', which has one");
        usage(
                        "text.inputs=[]",
                        "world.seen=10",
                        "target.adapter={pool: 1}",
                        "tower={checkpoint: /no/tower}",
                        "alignments=[{name: eyes, adapter: {from: random}, training: {steps: 1, batch: 2, rate: 1}},"
                                + " {name: more, start: eyes, frozen: true, training: {steps: 1, batch: 2, rate: 1}}]",
                        "distill={name: most, start: more, adapter: {from: random},"
                                + " training: {steps: 1, batch: 2, rate: 1}}")
                .failsWith(2, "with an adapter for 'more', which has one");
        usage("evaluate={pairs: {aligned: nobody}}").failsWith(2, "evaluate.pairs with 'nobody'");
        usage("evaluate.drafts={pretrained: /no/draft}")
                .failsWith(2, "a draft named 'pretrained' in evaluate.drafts; expected a name of its own");
    }

    @Test
    void aTargetThatCannotSeeForARecipeWithPictures() {
        Path model = Tiny.model(folder.resolve("blind"));
        usage(given(model), "distill.answers=seen").failsWith(2, "a model that cannot see", "a LLaVA");
    }

    private CommandLineRun usage(String... overrides) {
        return CommandLineRun.of(
                Stream.concat(Stream.of("run", recipe), Stream.of(overrides)).toArray(String[]::new));
    }

    private String given(Path model) {
        return "target={checkpoint: \"" + model + "\"}";
    }

    /** The target's template, layers and tokens, the suites and the drafts of others: before the first stage. */
    @Test
    void whatDoesNotFitTheTargetAllAtOnce() {
        Path model = Tiny.model(folder.resolve("model"));
        usage(
                        given(model),
                        "draft={cut: [0, 3], vocabulary: 999}",
                        "generate.written=5",
                        "export.pad_vocabulary=100",
                        "evaluate.suites={s: /no/suite}",
                        "evaluate.drafts={other: /no/draft}")
                .failsWith(
                        2,
                        recipe + ": 6 problems",
                        "layers to take out of " + model + ": found [0, 3]; expected ascending indices from 0 to 0",
                        "draft.vocabulary: found 999; expected fewer than the target's",
                        "export.pad_vocabulary: found 100; expected at least the target's",
                        "evaluate.suites.s: found nothing at /no/suite",
                        "evaluate.drafts: found nothing at /no/draft",
                        model + ": found no chat template");
        assertThat(folder.resolve("run/done")).doesNotExist();
    }

    @Test
    void draftsWithAnotherTokenizer() {
        Path model = Tiny.model(folder.resolve("model"));
        Tokenizer other = Tiny.tokenizer(290, "entirely other words");
        Path stranger = Tiny.model(folder.resolve("stranger"), other.size(), Optional.of(other));
        usage(given(model), "draft={start: \"" + stranger + "\"}", "evaluate.drafts={other: \"" + stranger + "\"}")
                .failsWith(2, recipe + ": 2 problems", stranger + ": found a tokenizer of " + other.size());
    }

    @Test
    void conversationsWithoutATemplate() throws IOException {
        Path suite = Files.writeString(folder.resolve("suite.jsonl"), "{\"question_id\": 1, \"turns\": [\"a\"]}");
        usage("evaluate.suites={s: \"" + suite + "\"}")
                .failsWith(2, "target.template: found own, of a target that is still to be trained", "chatml");
        usage("evaluate.suites={s: \"" + suite + "\"}", given(Tiny.model(folder.resolve("model"))))
                .failsWith(2, "found no chat template");
    }

    @Test
    void recipesThatAreNone() throws IOException {
        CommandLineRun.of("run", folder + "/no.yaml").failsWith(2, folder + "/no.yaml", "no such file", "recipes/");
        CommandLineRun.of("run", folder.toString()).failsWith(2, folder + ": found a folder", "a readable recipe");
        Path binary = Files.write(folder.resolve("binary"), new byte[] {0, (byte) 0xff, 27, '[', 'm'});
        CommandLineRun.of("run", binary.toString()).failsWith(2, binary + ": found bytes that are no UTF-8");
        Path text = Files.writeString(folder.resolve("list.yaml"), "- a\n- b\n");
        CommandLineRun.of("run", text.toString()).failsWith(2, text + ":", "not a mapping");
    }

    @Test
    void everythingThatIsAbsentAtOnce() {
        CommandLineRun.of("run", recipe, "text.inputs=[/no/text, /no/more]", "generate.prompts=[/no/prompts]")
                .failsWith(
                        2,
                        recipe + ": 3 problems",
                        "text.inputs: found nothing at /no/text; expected a file or folder",
                        "nothing at /no/more",
                        "generate.prompts: found nothing at /no/prompts; expected a file of prompts");
        CommandLineRun.of("run", recipe, "generate.prompts=[]")
                .failsWith(
                        2,
                        "generate.prompts: found none; expected files of prompts, generate.written, generate.passages or generate.openings");
    }

    @Test
    void aPlanWithoutItsTargetSaysSo() {
        CommandLineRun plan = CommandLineRun.of(
                "run", "--plan", recipe, "target.shape=", "target.training=", "target.checkpoint=/no/target");
        plan.failsWith(2, "target.checkpoint: found nothing at /no/target", "a Hugging Face directory");
        assertThat(plan.out()).contains("target   is not there; numbers are for a vocabulary of 32000");
        assertThat(CommandLineRun.of("run", "--plan", recipe, "text.inputs=[/no/text]")
                        .succeeds()
                        .out())
                .contains("not there yet: text.inputs: found nothing at /no/text");
        assertThat(CommandLineRun.of("run", "--plan", recipe).succeeds().out()).contains("draft", "parameters");
        assertThat(folder.resolve("run")).doesNotExist();
    }

    @Test
    void aRunFolderThatCannotBe() throws IOException {
        Path file = Files.writeString(folder.resolve("taken"), "mine");
        CommandLineRun.of("run", recipe, "run=" + file).failsWith(2, file.toString(), "a file in its place");
        CommandLineRun.of("run", recipe, "run=" + file + "/below").failsWith(2, file + "/below", "that can be written");
        assertThat(file).hasContent("mine");
    }

    private static String explained(Throwable t, int code) {
        StringWriter err = new StringWriter();
        assertThat(Outrider.explain(t, new PrintWriter(err, true))).isEqualTo(code);
        return err.toString();
    }

    @Test
    void aFullDiskWhereverItIsMet() {
        IOException full = new IOException("No space left on device");
        assertThat(explained(new UncheckedIOException(full), 5)).contains("full disk", "Free some space");
        assertThat(explained(new IllegalStateException(new RuntimeException(full)), 5))
                .contains("full disk");
    }

    @Test
    void aBugLeavesItsTrace() throws IOException {
        String said = explained(new IllegalStateException("two\nlines"), 1);
        assertThat(said)
                .startsWith("outrider: a bug: java.lang.IllegalStateException: two. The stack trace stands in ");
        assertThat(said.lines()).hasSize(1);
        Path trace = Path.of(said.replaceAll("(?s).*stands in (.*\\.txt);.*", "$1"));
        assertThat(trace).content().contains("aBugLeavesItsTrace");
        Files.delete(trace);
    }

    @Test
    void whatFilesHoldNeverReachesTheTerminalRaw() {
        Failure failure = Failure.data("a\u001b[31m", "b\u0007", "c", "d");
        assertThat(explained(failure, 3)).isEqualToIgnoringNewLines("outrider: a?[31m: found b?; expected c. d");
    }
}
