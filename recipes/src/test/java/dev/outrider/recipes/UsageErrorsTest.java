package dev.outrider.recipes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Failure;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
                "inspect a b"
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
                "pretrain=3: '3' for pretrain; expected a section with keys",
                "text.length.x=3: 'length' is no section; expected section.key=value"
            })
    void settingsThatCannotWork(String overrideAndMessage) {
        String[] both = overrideAndMessage.split(": ", 2);
        CommandLineRun.of("run", recipe, both[0]).failsWith(2, recipe + ": 1 problem", "found " + both[1]);
        assertThat(folder.resolve("run")).doesNotExist();
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
                        "generate.prompts: found nothing at /no/prompts; expected a JSONL file");
        CommandLineRun.of("run", recipe, "generate.prompts=[]")
                .failsWith(2, "generate.prompts: found none; expected JSONL files of prompts, or generate.openings");
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
