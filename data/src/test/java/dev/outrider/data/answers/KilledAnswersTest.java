package dev.outrider.data.answers;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.SharedTokenizer;
import dev.outrider.data.TestTokenizer;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process that answers is killed, and another goes on: no answer is lost, none is there twice. */
@Tag("slow")
class KilledAnswersTest {
    private static final int PARTS = 120, EACH = 3, TOP = 3;

    @TempDir
    Path folder;

    @Test
    void whatAKilledProcessLeftIsFinishedByTheNext() throws Exception {
        Path target = TinyTarget.write(folder.resolve("target")), output = folder.resolve("killed");
        Files.createDirectories(output.resolve(Part.FOLDER));
        long before = 0;
        for (int round = 0; round < 2; round++) {
            killWhenWritten(target, output, before + 5);
            long found = parts().stream().filter(part -> whole(part, output)).count();
            assertThat(found).isBetween(before + 5, (long) PARTS - 1);
            before = found;
        }
        answer(target, output);
        Path undisturbed = folder.resolve("undisturbed");
        answer(target, undisturbed);
        assertThat(answers(output)).hasSize(PARTS * EACH).isEqualTo(answers(undisturbed));
        for (Part part : parts()) {
            assertThat(AnswerLaws.file(output, part.index()))
                    .hasSameBinaryContentAs(AnswerLaws.file(undisturbed, part.index()));
        }
    }

    private static boolean whole(Part part, Path output) {
        return part.whole(output, plan()).isPresent();
    }

    private static void killWhenWritten(Path target, Path output, long parts) throws Exception {
        List<String> command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(a -> a.startsWith("--"))
                .toList());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), KilledAnswersTest.class.getName()));
        command.addAll(List.of(target.toString(), output.toString()));
        Process child = new ProcessBuilder(command).inheritIO().start();
        try {
            long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(3);
            while (written(output) < parts && child.isAlive() && System.nanoTime() < end) Thread.sleep(2);
            assertThat(child.isAlive()).as("the child was killed at work").isTrue();
        } finally {
            child.destroyForcibly().waitFor();
        }
    }

    private static long written(Path output) throws IOException {
        try (var files = Files.list(output.resolve(Part.FOLDER))) {
            return files.filter(f -> f.getFileName().toString().matches("part-\\d+\\.jsonl"))
                    .count();
        }
    }

    /** The child: answers what is missing. */
    public static void main(String[] args) throws IOException {
        answer(Path.of(args[0]), Path.of(args[1]));
    }

    private static void answer(Path target, Path output) throws IOException {
        Files.createDirectories(output.resolve(Part.FOLDER));
        var tokenizer = SharedTokenizer.share(target, TestTokenizer.train());
        List<Part> missing =
                parts().stream().filter(part -> !whole(part, output)).toList();
        new AnswerTask(plan(), target.toString(), tokenizer, output.toString(), 1).run(missing.iterator());
    }

    private static List<Part> parts() {
        List<Prompt> prompts = new ArrayList<>();
        for (int i = 0; i < PARTS * EACH; i++) prompts.add(new Prompt("p%05d".formatted(i), "", "story " + i));
        return Part.of(prompts, EACH);
    }

    private static AnswerPlan plan() {
        Tokenizer t = TestTokenizer.train();
        return new AnswerPlan(
                AnswerPlan.SCHEMA,
                "m",
                t.hash(),
                t.size(),
                Set.of(),
                "p",
                PARTS * EACH,
                List.of(1.0),
                1,
                1,
                30,
                TinyTarget.CONTEXT,
                1,
                EACH,
                8,
                TOP);
    }

    private static Map<String, String> answers(Path output) throws IOException {
        Map<String, String> answers = new TreeMap<>();
        for (Part part : parts()) {
            for (Answer a : Part.read(Part.file(output, part.index()))) {
                assertThat(answers.put(a.id(), Arrays.toString(a.answerIds()))).isNull();
            }
        }
        return answers;
    }
}
