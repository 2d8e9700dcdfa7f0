package dev.outrider.recipes.world;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.tokenizer.BpeTrainer;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.checkpoints.tokenizer.Words;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class WorldTest {
    private static final World WORLD = new World(7);

    private static Stream<Prompt> prompts(Task task, long from, int count) {
        return LongStream.range(from, from + count).mapToObj(i -> WORLD.prompt(task, i));
    }

    @Test
    void whatLiesAtAnIndexDependsOnSeedAndIndexOnly() {
        List<String> all = WORLD.documents(50).toList();
        assertThat(new World(7).document(31)).isEqualTo(all.get(31));
        assertThat(new World(7).documents(10).toList()).isEqualTo(all.subList(0, 10));
        assertThat(new World(8).documents(50).toList()).doesNotContainAnyElementsOf(all);
        assertThat(new World(7).prompt(Task.REASON, 5)).isEqualTo(WORLD.prompt(Task.REASON, 5));
    }

    @ParameterizedTest
    @EnumSource(Task.class)
    void heldOutFactsNeverOccurInTraining(Task task) {
        Set<String> training = prompts(task, 0, 4000).map(Prompt::key).collect(Collectors.toSet());
        Set<String> heldOut =
                prompts(task, World.HELD_OUT, 1000).map(Prompt::key).collect(Collectors.toSet());
        assertThat(heldOut).hasSizeGreaterThan(700).doesNotContainAnyElementsOf(training);
    }

    @Test
    void heldOutScenesNeverOccurInDocuments() {
        Set<String> documents = WORLD.documents(4000)
                .filter(d -> d.startsWith(Prompt.USER))
                .map(WorldTest::facts)
                .collect(Collectors.toSet());
        for (Task task : Task.values()) {
            Set<String> heldOut = prompts(task, World.HELD_OUT, 1000)
                    .map(p -> facts(p.text()))
                    .collect(Collectors.toSet());
            assertThat(documents).doesNotContainAnyElementsOf(heldOut);
        }
    }

    // All of the prompt but its last line, the question.
    private static String facts(String dialogue) {
        String prompt = dialogue.substring(0, dialogue.indexOf("\n" + Prompt.ASSISTANT));
        return prompt.substring(0, prompt.lastIndexOf('\n'));
    }

    @Test
    void tasksAreBalanced() {
        Map<String, Long> kinds = WORLD.documents(3000)
                .filter(d -> d.startsWith(Prompt.USER))
                .map(WorldTest::kind)
                .collect(Collectors.groupingBy(k -> k, Collectors.counting()));
        assertThat(kinds).hasSize(3);
        assertThat(kinds.values()).allMatch(n -> n > 500 && n < 700); // a fifth of 3,000 each
        Map<Class<?>, Long> puzzles = LongStream.range(0, 1000)
                .mapToObj(i -> Puzzle.draw(new Voice(Grammar.WORLD, new SplittableRandom(i))))
                .collect(Collectors.groupingBy(Object::getClass, Collectors.counting()));
        assertThat(puzzles).hasSize(5);
        assertThat(puzzles.values()).allMatch(n -> n > 150);
    }

    private static String kind(String dialogue) {
        if (dialogue.contains("So the answer is")) return "reason";
        return dialogue.length() - dialogue.indexOf(Prompt.ASSISTANT) > 120 ? "describe" : "question";
    }

    @Test
    void textIsCleanEnglish() {
        Stream.concat(
                        WORLD.documents(3000),
                        Stream.of(Task.values())
                                .flatMap(t -> prompts(t, World.HELD_OUT, 200).map(Prompt::text)))
                .forEach(text -> {
                    assertThat(text).doesNotContain("  ", "{", "}", "null", " .", " ,", "/");
                    assertThat(text).doesNotContainPattern("(?i)\\ba [aeio]|\\ban [^aeio]");
                    assertThat(text).endsWith(text.endsWith("\"") ? "\"" : ".");
                });
    }

    @Test
    void everyRuleAndWordIsUsed() {
        String all = WORLD.documents(10_000).collect(Collectors.joining("\n")).toLowerCase();
        Set<String> seen = new HashSet<>(Arrays.asList(all.split("[^a-z]+")));
        for (String rule : Grammar.WORLD.names()) {
            for (String alternative : Grammar.WORLD.rule(rule)) {
                Stream.of(alternative.toLowerCase().replaceAll("\\{[^}]*}", "").split("[^a-z]+"))
                        .filter(w -> !w.isEmpty())
                        .forEach(w -> assertThat(seen).as(rule).contains(w));
            }
        }
    }

    @Test
    void lengthsAndVocabularyAreThoseOfASmallLanguage() {
        List<String> documents = WORLD.documents(3000).toList();
        Map<String, Long> words = new HashMap<>();
        for (String d : documents) {
            for (String w : d.toLowerCase().split("[^a-z]+")) if (!w.isEmpty()) words.merge(w, 1L, Long::sum);
        }
        assertThat(words.size()).isBetween(300, 700);
        double mean = documents.stream()
                .mapToInt(d -> d.split("\\s+").length)
                .average()
                .orElseThrow();
        assertThat(mean).isBetween(45.0, 90.0);
        assertThat(documents).allMatch(d -> d.split("\\s+").length <= 150);
        assertThat(Set.copyOf(documents)).as("repeated documents").hasSizeGreaterThan(2970);
    }

    @Test
    void asATokenizerSeesIt() {
        Map<String, Long> words = WORLD.documents(2000)
                .flatMap(d -> Words.split(d).stream())
                .collect(Collectors.groupingBy(w -> w, Collectors.counting()));
        Tokenizer tokenizer = BpeTrainer.train(words, 1024, Prompt.SPECIALS);
        Prompt prompt = WORLD.prompt(Task.REASON, World.HELD_OUT);
        int[] ids = tokenizer.encode(prompt.text(), true);
        assertThat(ids).startsWith(tokenizer.specialId(Prompt.USER)).contains(tokenizer.specialId(Prompt.ASSISTANT));
        int[] opening = tokenizer.encode(prompt.opening(), true);
        assertThat(ids).as("the opening's ids begin the dialogue's").startsWith(opening);
        double mean = WORLD.documents(500)
                .mapToInt(d -> tokenizer.encode(d, true).length)
                .average()
                .orElseThrow();
        assertThat(mean).isBetween(60.0, 140.0);
    }
}
