package dev.outrider.data.answers;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.SharedTokenizer;
import dev.outrider.data.TestTokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A task without Spark: its parts, one batch. */
class AnswerTaskTest {
    private static final int SLOTS = 4, MOST = 7;

    @TempDir
    Path folder;

    private final Tokenizer tokenizer = TestTokenizer.train();

    private AnswerTask task(Path target, List<Double> temperatures) {
        AnswerPlan plan = new AnswerPlan(
                AnswerPlan.SCHEMA,
                "m",
                tokenizer.hash(),
                tokenizer.size(),
                Set.of(),
                "p",
                3,
                temperatures,
                1,
                1,
                MOST,
                TinyTarget.CONTEXT,
                1,
                8,
                SLOTS,
                0);
        String output = folder.resolve("answers").toString();
        return new AnswerTask(plan, target.toString(), SharedTokenizer.share(target, tokenizer), output, 1);
    }

    @Test
    void errorsAreRecordedWithTheirMessageAndSpareTheOthers() throws IOException {
        int[] sea = tokenizer.encode("the sea", true);
        int broken = tokenizer.encode("7", true)[0];
        Path whole = TinyTarget.write(folder.resolve("whole")), target = TinyTarget.write(folder.resolve("t"), broken);
        List<Prompt> prompts = List.of(
                new Prompt("a", "", "", sea),
                new Prompt("b", "", "", new int[] {sea[0], broken, sea[0]}),
                new Prompt("c", "", "the story"),
                new Prompt("d", "", "", new int[] {tokenizer.size()}));
        Part part = new Part(0, prompts);
        task(target, List.of(0.0)).run(List.of(part).iterator());
        List<Answer> answers = Part.read(Part.file(folder.resolve("answers"), 0));
        assertThat(answers).extracting(Answer::finish).containsExactly("length", Answer.ERROR, "length", Answer.ERROR);
        assertThat(answers.get(1).error()).contains("NaN");
        assertThat(answers.get(1).answerIds()).isEmpty();
        assertThat(answers.get(3).error()).contains("token " + tokenizer.size());
        assertThat(answers.get(0).promptIds()).isEqualTo(sea);
        task(whole, List.of(0.0)).run(List.of(part).iterator());
        List<Answer> healthy = Part.read(Part.file(folder.resolve("answers"), 0));
        assertThat(healthy.get(1).finish()).isEqualTo("length");
        assertThat(answers.get(0).answerIds()).isEqualTo(healthy.get(0).answerIds());
        assertThat(answers.get(2).answerIds()).isEqualTo(healthy.get(2).answerIds());
    }

    @Test
    void partsShareTheBatchAndAreWrittenAsTheyFill() throws IOException {
        Path target = TinyTarget.write(folder.resolve("t"));
        List<Part> parts = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            parts.add(new Part(i, List.of(new Prompt("p" + i, "", "the sea " + i), new Prompt("q" + i, "", "a " + i))));
        }
        AnswerTask task = task(target, List.of(0.0, 1.0));
        task.run(parts.iterator());
        TreeMap<String, String> together = new TreeMap<>(), alone = new TreeMap<>();
        for (Part part : parts) collect(part, together);
        for (Part part : parts) {
            task.run(List.of(part).iterator());
            collect(part, alone);
        }
        assertThat(together).hasSize(20).isEqualTo(alone);
    }

    private void collect(Part part, TreeMap<String, String> into) throws IOException {
        for (Answer answer : Part.read(Part.file(folder.resolve("answers"), part.index()))) {
            assertThat(into.put(answer.id(), answer.seed() + java.util.Arrays.toString(answer.answerIds())))
                    .isNull();
        }
    }
}
