package dev.outrider.data.answers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.Sessions;
import dev.outrider.data.Show;
import dev.outrider.data.TestTokenizer;
import dev.outrider.data.shard.Hashes;
import dev.outrider.data.shard.Shards;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.WeightType;
import dev.outrider.decode.speculate.Decoder;
import dev.outrider.decode.speculate.Generation;
import dev.outrider.decode.speculate.Limits;
import dev.outrider.decode.speculate.Listener;
import dev.outrider.decode.speculate.Sampling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A tiny random target answers, is interrupted, goes on, and its answers become shards. */
@Tag("slow")
class AnswersTest {
    private static final int PROMPTS = 10, TOO_LONG = 1, PER_PROMPT = 3;

    @TempDir
    static Path shared;

    @TempDir
    Path folder;

    private static SparkSession spark;
    private static Path target;
    private static Path prompts;
    private static AnswerReport first;

    @BeforeAll
    static void open() throws IOException {
        spark = Sessions.open("local[2]", Map.of());
        target = TinyTarget.write(shared.resolve("target"));
        prompts = shared.resolve("prompts.jsonl");
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < PROMPTS; i++) {
            lines.add("{\"id\":\"p%02d\",\"task\":\"t%d\",\"prompt\":\"%s\"}"
                    .formatted(i, i % 2, i == 4 ? "the long river ".repeat(20) : "story " + i));
        }
        Files.write(prompts, lines);
        first = Answers.generate(spark, spec(shared.resolve("answers"), 3), Progress.NONE);
    }

    @AfterAll
    static void close() {
        spark.stop();
    }

    @AfterEach
    void everyTargetIsClosed() {
        assertThat(SharedTarget.open()).isZero();
    }

    private static AnswerSpec spec(Path output, int promptsPerPart) {
        return spec(target, output, promptsPerPart, 5);
    }

    private static AnswerSpec spec(Path target, Path output, int promptsPerPart, long seed) {
        return new AnswerSpec(
                new Prompts.Jsonl(List.of(prompts)),
                target,
                output,
                List.of(0.0, 0.8),
                0.95,
                2,
                12,
                TinyTarget.CONTEXT,
                seed,
                promptsPerPart,
                1);
    }

    private static Map<String, Answer> answers(Path output) {
        Map<String, Answer> out = new TreeMap<>();
        Answers.read(output, answer -> assertThat(out.put(answer.id(), answer)).isNull());
        return out;
    }

    private static Map<String, String> texts(Path output) {
        return answers(output).values().stream()
                .collect(Collectors.toMap(Answer::id, a -> Arrays.toString(a.answerIds()) + a.text() + a.finish()));
    }

    @Test
    void everyQuestionHasOneAnswer() {
        assertThat(first.asked()).isEqualTo(PROMPTS * PER_PROMPT);
        assertThat(first.skipped()).isEqualTo(TOO_LONG * PER_PROMPT);
        assertThat(first.success()).isEqualTo((PROMPTS - TOO_LONG) * PER_PROMPT);
        assertThat(first.errors() + first.found()).isZero();
        Map<String, Answer> answers = answers(first.output());
        assertThat(answers).hasSize(PROMPTS * PER_PROMPT);
        assertThat(answers.get("p04@0.0#0").error()).contains("no room in a context of 48");
        assertThat(answers.get("p03@0.8#1").task()).isEqualTo("t1");
        assertThat(answers.values().stream().mapToInt(a -> a.answerIds().length).sum())
                .isEqualTo(first.tokens());
        assertThat(answers.get("p03@0.8#0").answerIds())
                .isNotEqualTo(answers.get("p03@0.8#1").answerIds());
    }

    @Test
    void greedyAnswersCanBeReplayed() {
        var greedy = answers(first.output()).values().stream()
                .filter(a -> a.success() && a.id().contains("@0.0#"))
                .toList();
        var recorded = RecordedAnswers.greedy(first.output());
        assertThat(recorded).hasSameSizeAs(greedy).isNotEmpty();
        assertThat(recorded.stream().map(r -> Arrays.toString(r.prompt()) + Arrays.toString(r.answer())))
                .containsExactlyInAnyOrderElementsOf(greedy.stream()
                        .map(a -> Arrays.toString(a.promptIds()) + Arrays.toString(a.answerIds()))
                        .toList());
    }

    @Test
    void greedyAnswersAreTheDecodersOwn() throws IOException {
        areTheDecodersOwn(first.output(), WeightType.STORED);
    }

    private static void areTheDecodersOwn(Path output, WeightType held) throws IOException {
        Tokenizer tokenizer = TestTokenizer.train();
        try (CpuDevice device = new CpuDevice(1);
                Llama model = Llama.open(target, device, TinyTarget.CONTEXT, held)) {
            for (Answer answer : answers(output).values()) {
                if (!answer.success() || answer.temperature() > 0) continue;
                assertThat(answer.promptIds()[0]).isEqualTo(tokenizer.bosId());
                var limits = new Limits(12, Set.of(tokenizer.eosId()), List.of(), Optional.of(tokenizer));
                Generation expected = new Decoder(model)
                        .autoregressive(answer.promptIds(), Sampling.GREEDY, limits, 0, Listener.NONE);
                assertThat(answer.answerIds()).isEqualTo(expected.tokens());
                assertThat(answer.text()).isEqualTo(expected.text());
            }
        }
    }

    /** A target held otherwise is another target. */
    @Test
    void theTargetSpeaksAsItIsHeld() throws IOException {
        AnswerSpec rounded = spec(folder.resolve("rounded"), 3).with(AnswerEyes.NONE, WeightType.BF16);
        Answers.generate(spark, rounded, Progress.NONE);
        areTheDecodersOwn(rounded.output(), WeightType.BF16);
        fails(Failure.Kind.USAGE, "another job", spec(target, rounded.output(), 3, 5));
    }

    @Test
    void answersDoNotDependOnThePartitioning() {
        AnswerReport other = Answers.generate(spark, spec(folder.resolve("answers"), 1), Progress.NONE);
        assertThat(texts(other.output())).isEqualTo(texts(first.output()));
        AnswerReport seed = Answers.generate(spark, spec(target, folder.resolve("seed"), 3, 6), Progress.NONE);
        assertThat(texts(seed.output())).isNotEqualTo(texts(first.output()));
    }

    @Test
    void whatIsMissingOrDamagedIsAnsweredAgain() throws IOException {
        Path output = folder.resolve("answers");
        Answers.generate(spark, spec(output, 3), Progress.NONE);
        Map<Path, String> before = hashes(output);
        assertThat(before).hasSize(4);
        Files.delete(Part.file(output, 0));
        Files.writeString(Part.file(output, 2), "{\"id\":\"p06@0.0#0\"");
        var untouched = Files.getLastModifiedTime(Part.file(output, 1));
        AnswerReport again = Answers.generate(spark, spec(output, 3), Progress.NONE);
        assertThat(hashes(output)).isEqualTo(before);
        assertThat(again.found()).isEqualTo((3 + 1) * PER_PROMPT);
        assertThat(again.asked()).isEqualTo(again.success() + again.errors() + again.skipped());
        assertThat(Files.getLastModifiedTime(Part.file(output, 1))).isEqualTo(untouched);
        assertThat(Answers.generate(spark, spec(output, 3), Progress.NONE).found())
                .isEqualTo(again.asked());
    }

    private static Map<Path, String> hashes(Path output) throws IOException {
        Map<Path, String> out = new TreeMap<>();
        try (var files = Files.list(output.resolve(Part.FOLDER))) {
            for (Path file : files.toList()) out.put(file, Hashes.of(file));
        }
        return out;
    }

    @Test
    void interruptedRunsSaySoAndGoOn() {
        Path output = folder.resolve("answers");
        assertThatThrownBy(() -> Answers.generate(
                        spark,
                        spec(output, 3),
                        (done, all, rate) -> Thread.currentThread().interrupt()))
                .isInstanceOfSatisfying(Failure.class, f -> assertThat(f.kind()).isEqualTo(Failure.Kind.INTERRUPTED));
        assertThat(Thread.interrupted()).isTrue();
        Answers.generate(spark, spec(output, 3), Progress.NONE);
        assertThat(texts(output)).isEqualTo(texts(first.output()));
    }

    @Test
    void anotherJobInTheFolderIsRefused() {
        fails(Failure.Kind.USAGE, "another job", spec(target, first.output(), 3, 6));
    }

    @Test
    void morePromptsGoOnAndFewerAreThere() {
        Path output = folder.resolve("answers");
        AnswerReport some = Answers.generate(spark, first(7, output), Progress.NONE);
        assertThat(some.asked()).isEqualTo(7 * PER_PROMPT);
        AnswerReport more = Answers.generate(spark, first(PROMPTS, output), Progress.NONE);
        assertThat(more.found()).isEqualTo(6 * PER_PROMPT); // whole parts of three prompts
        assertThat(texts(output)).isEqualTo(texts(first.output()));
        AnswerReport fewer = Answers.generate(spark, first(6, output), Progress.NONE);
        assertThat(fewer.found()).isEqualTo(6 * PER_PROMPT);
        assertThat(answers(output)).hasSize(6 * PER_PROMPT);
        fails(Failure.Kind.USAGE, "another job", spec(target, output, 3, 6));
    }

    private static AnswerSpec first(int most, Path output) {
        AnswerSpec all = spec(output, 3);
        return new AnswerSpec(
                new Prompts.First(most, all.prompts()),
                all.target(),
                output,
                all.temperatures(),
                all.topP(),
                all.samples(),
                all.maxTokens(),
                all.context(),
                all.seed(),
                3,
                1);
    }

    @Test
    void anAnswerBelongsToItsPromptsTokens() {
        Answer answer = answers(first.output()).get("p03@0.0#0");
        int[] others = answer.promptIds().clone();
        others[0]++;
        assertThat(answer.answers(new Question(prompt(null), 0, 0), answer.model()))
                .isTrue();
        assertThat(answer.answers(new Question(prompt(answer.promptIds()), 0, 0), answer.model()))
                .isTrue();
        assertThat(answer.answers(new Question(prompt(others), 0, 0), answer.model()))
                .isFalse();
        assertThat(answer.answers(new Question(prompt(null), 0, 0), "another")).isFalse();
    }

    private static Prompt prompt(int[] ids) {
        return new Prompt("p03", "t1", "story 3", ids);
    }

    @Test
    void promptsThatBeginOtherwiseAreAnotherJob() throws IOException {
        Path output = folder.resolve("answers");
        Answers.generate(spark, first(6, output), Progress.NONE);
        Path others = Files.writeString(
                folder.resolve("others.jsonl"), Files.readString(prompts).replace("\"p0", "\"q0"));
        AnswerSpec spec = first(6, output);
        AnswerSpec other = new AnswerSpec(
                new Prompts.Jsonl(List.of(others)),
                spec.target(),
                output,
                spec.temperatures(),
                spec.topP(),
                spec.samples(),
                spec.maxTokens(),
                spec.context(),
                spec.seed(),
                3,
                1);
        fails(Failure.Kind.USAGE, "another job", other);
        AnswerReport again = Answers.generate(spark, other, Progress.NONE, () -> {
            try {
                Files.move(output, folder.resolve("aside"));
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        });
        assertThat(again.found()).isZero();
        assertThat(folder.resolve("aside")).exists();
    }

    @Test
    void unwritableOutputIsNamed() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "no folder");
        fails(Failure.Kind.USAGE, "file", spec(file.resolve("answers"), 3));
    }

    @Test
    void badPromptsAreNamed() throws IOException {
        Path file = folder.resolve("bad.jsonl");
        for (String[] bad : new String[][] {
            {"{\"prompt\":\"a\"}\n{\"prompt\":3}", "bad.jsonl:2"},
            {"{\"prompt\":", "bad.jsonl:1"},
            {"{\"id\":1,\"prompt\":\"a\"}\n{\"id\":1,\"prompt\":\"b\"}", "the prompt id 1 twice"},
            {"\n", "no prompts"}
        }) {
            Files.writeString(file, bad[0]);
            assertThatThrownBy(() -> new Prompts.Jsonl(List.of(file)).read(spark))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining(bad[1]);
        }
    }

    @Test
    void promptsComeFromColumnsToo() {
        Path table = folder.resolve("table");
        spark.read().json(prompts.toString()).write().parquet(table.toString());
        List<String> paths = List.of(table.toString());
        assertThat(new Prompts.Column(paths, "prompt", "id", "task").read(spark))
                .isEqualTo(new Prompts.Jsonl(List.of(prompts)).read(spark));
        assertThat(new Prompts.Column(paths, "prompt", null, null).read(spark))
                .allMatch(p -> p.id().equals(Hashes.of(p.text())) && p.task().isEmpty());
        assertThatThrownBy(() -> new Prompts.Column(paths, "nothing", null, null).read(spark))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("nothing");
    }

    private static void fails(Failure.Kind kind, String text, AnswerSpec spec) {
        assertThatThrownBy(() -> Answers.generate(spark, spec, Progress.NONE))
                .isInstanceOfSatisfying(Failure.class, f -> assertThat(f.kind()).isEqualTo(kind))
                .hasMessageContaining(text);
    }

    private AnswerShards.Spec shards(int length, Set<Double> temperatures, double valid) {
        return new AnswerShards.Spec(
                first.output(), folder.resolve("shards" + length), length, temperatures, valid, 8, 3);
    }

    @Test
    void shardsSuperviseTheAnswerAlone() {
        var report = AnswerShards.write(spark, shards(TinyTarget.CONTEXT, Set.of(), 0.3));
        assertThat(report.counts())
                .containsEntry("read", 30L)
                .containsEntry("no_answer", 3L)
                .containsEntry("kept", 27L)
                .containsEntry("cut_at_length", 0L);
        Map<String, Answer> answers = answers(first.output());
        Set<String> train = check(report.output().resolve("train"), answers);
        Set<String> valid = check(report.output().resolve("valid"), answers);
        assertThat(train.size() + valid.size()).isEqualTo(27);
        assertThat(promptIds(train, answers)).doesNotContainAnyElementsOf(promptIds(valid, answers));
    }

    private static Set<String> check(Path split, Map<String, Answer> answers) {
        Set<String> seen = new HashSet<>();
        int[] tokens = new int[TinyTarget.CONTEXT];
        byte[] mask = new byte[TinyTarget.CONTEXT];
        try (Shards shards = Shards.open(split)
                .verify()
                .requireTokenizer(TestTokenizer.train().hash())) {
            for (long row = 0; row < shards.rows(); row++) {
                shards.read(row, tokens, 0, mask, 0);
                Answer answer = answers.get(shards.document(row));
                assertThat(seen.add(answer.id())).isTrue();
                int from = answer.promptIds().length, to = from + answer.answerIds().length;
                assertThat(shards.length(row)).isEqualTo(to);
                assertThat(Arrays.copyOf(tokens, from)).isEqualTo(answer.promptIds());
                assertThat(Arrays.copyOfRange(tokens, from, to)).isEqualTo(answer.answerIds());
                for (int i = 0; i < mask.length; i++) assertThat(mask[i] == 1).isEqualTo(i >= from && i < to);
            }
        }
        return seen;
    }

    private static Set<String> promptIds(Set<String> ids, Map<String, Answer> answers) {
        return ids.stream().map(id -> answers.get(id).promptId()).collect(Collectors.toSet());
    }

    @Test
    void shortRowsCutOrRefuse() {
        Map<String, Long> expected = new HashMap<>(Map.of("read", 30L, "no_answer", 3L, "other_temperature", 18L));
        int length = 10;
        answers(first.output()).values().stream()
                .filter(a -> a.success() && a.temperature() == 0)
                .forEach(a -> {
                    boolean kept = a.promptIds().length < length;
                    boolean cut = kept && a.promptIds().length + a.answerIds().length > length;
                    expected.merge(kept ? "kept" : "no_supervision", 1L, Long::sum);
                    expected.merge("cut_at_length", cut ? 1L : 0L, Long::sum);
                });
        expected.putIfAbsent("no_supervision", 0L);
        assertThat(AnswerShards.write(spark, shards(length, Set.of(0.0), 0)).counts())
                .isEqualTo(expected);
        assertThatThrownBy(() -> AnswerShards.write(spark, shards(2, Set.of(), 0)))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("no_supervision=27");
    }

    @Test
    void lawsGoFromPartsIntoShards() throws IOException {
        int k = 5, length = TinyTarget.CONTEXT;
        AnswerSpec plain = spec(folder.resolve("laws"), 3);
        AnswerSpec spec = new AnswerSpec(
                plain.prompts(),
                target,
                plain.output(),
                plain.temperatures(),
                plain.topP(),
                plain.samples(),
                plain.maxTokens(),
                plain.context(),
                plain.seed(),
                plain.promptsPerPart(),
                plain.threads(),
                0,
                k);
        Answers.generate(spark, spec, Progress.NONE);
        assertThat(texts(spec.output())).isEqualTo(texts(first.output()));
        Files.delete(AnswerLaws.file(spec.output(), 1));
        assertThat(Answers.generate(spark, spec, Progress.NONE).found()).isEqualTo((3 + 3 + 1) * PER_PROMPT);
        var report = AnswerShards.write(
                spark, new AnswerShards.Spec(spec.output(), folder.resolve("s"), length, Set.of(), 0, 8, 3));
        assertThat(report.train().facts()).containsEntry("laws_top_k", "5").containsEntry("laws_temperature", "1");
        Map<String, Answer> answers = answers(spec.output());
        int[] ids = new int[length * k + 2];
        float[] logs = new float[length * k + 2],
                logits = new float[TestTokenizer.train().size()];
        try (Shards shards = Shards.open(folder.resolve("s/train")).verify();
                CpuDevice device = new CpuDevice(1);
                Llama model = Llama.open(target, device, length)) {
            assertThat(shards.topK()).isEqualTo(k);
            for (long row = 0; row < shards.rows(); row++) {
                Answer answer = answers.get(shards.document(row));
                shards.topLaws(row, ids, logs, 1);
                int from = answer.promptIds().length, to = shards.length(row);
                model.truncate(0);
                model.read(answer.promptIds(), 0, from, 1);
                for (int t = 0; t < length; t++) {
                    if (t < from || t >= to) {
                        for (int j = 0; j < k; j++)
                            assertThat(ids[1 + t * k + j]).isEqualTo(-1);
                        continue;
                    }
                    model.logits(0, logits);
                    double sum = 0;
                    for (float z : logits) sum += Math.exp(z);
                    float least = Float.POSITIVE_INFINITY;
                    for (int j = 0; j < k; j++) {
                        float z = logits[ids[1 + t * k + j]];
                        assertThat(z).isLessThanOrEqualTo(least + 1e-3f);
                        least = z;
                        double log = z - Math.log(sum);
                        assertThat((double) logs[1 + t * k + j]).isCloseTo(log, within(1e-3 + 6e-4 * Math.abs(log)));
                    }
                    long above = 0;
                    for (float z : logits) if (z > least + 1e-3f) above++;
                    assertThat(above).isLessThan(k);
                    model.read(answer.answerIds(), t - from, 1, 1);
                }
            }
        }
    }

    @Test
    void showMarksTheSupervisedPart() {
        AnswerShards.write(spark, shards(TinyTarget.CONTEXT, Set.of(0.8), 0));
        try (Shards shards = Shards.open(folder.resolve("shards48/train"))) {
            Answer answer = answers(first.output()).get(shards.document(0));
            String shown = Show.row(shards, TestTokenizer.train(), 0, false);
            assertThat(shown)
                    .contains("row 0 of 18, ", answer.answerIds().length + " supervised", "<s>", answer.id())
                    .contains("story " + answer.promptId().charAt(2) + "【");
            assertThat(Show.row(shards, TestTokenizer.train(), 0, true)).contains("\u001b[32m", "\u001b[0m");
        }
    }
}
