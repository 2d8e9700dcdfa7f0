package dev.outrider.checkpoints.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class BpeTrainerTest {
    static Map<String, Long> count(String text) {
        return Words.split(text).stream().collect(Collectors.groupingBy(w -> w, Collectors.counting()));
    }

    @Test
    void laysOutTheVocabulary() {
        Tokenizer t = BpeTrainer.train(count("low low low lower lower"), 280, List.of("<|user|>", "<|assistant|>"));
        assertThat(t.piece(0)).isEqualTo("<unk>");
        assertThat(List.of(t.bosId(), t.eosId(), t.specialId("<|assistant|>"))).isEqualTo(List.of(1, 2, 4));
        assertThat(t.piece(5)).isEqualTo("<0x00>");
        assertThat(t.piece(5 + 256)).isEqualTo("l"); // five each of l, o, w and the mark: by text
        List<String> merged = new ArrayList<>();
        for (int id = 5 + 256 + 6; id < t.size(); id++) merged.add(t.piece(id));
        assertThat(merged).isEqualTo(List.of("lo", "low", "\u2581low", "er", "\u2581lower"));
    }

    @Test
    void agreesWithCountingAnewForEachMerge() {
        Seeds.run(30, random -> {
            Map<String, Long> words = words(random);
            int size = 259 + 3 + random.nextInt(40);
            Tokenizer fast = BpeTrainer.train(words, size, List.of());
            List<String> slow = recount(words, size - 259);
            for (int i = 0; i < slow.size(); i++)
                assertThat(fast.piece(259 + i)).isEqualTo(slow.get(i));
            assertThat(fast.size()).isEqualTo(259 + slow.size());
        });
    }

    @Test
    void doesNotDependOnTheOrderOfTheMap() {
        Map<String, Long> words = words(Seeds.generator(5));
        List<String> keys = new ArrayList<>(words.keySet());
        Collections.shuffle(keys, new java.util.Random(3));
        Map<String, Long> other = new LinkedHashMap<>();
        for (String key : keys) other.put(key, words.get(key));
        assertThat(BpeTrainer.train(other, 300, List.of()).hash())
                .isEqualTo(BpeTrainer.train(words, 300, List.of()).hash());
    }

    @Test
    void neverSpellsASpecialTokenOrAByteByMerging() {
        Map<String, Long> words = Map.of("\u2581<s>", 100L, "<0x41>", 100L, "<|user|>", 100L);
        Tokenizer t = BpeTrainer.train(words, 400, List.of("<|user|>"));
        for (String text : List.of("<s>", "<0x41>", "<|user|>")) {
            int[] ids = t.encode(text, false);
            assertThat(t.decode(ids)).isEqualTo(text);
            assertThat(Arrays.stream(ids).mapToObj(t::piece)).doesNotContain(text);
        }
        assertThat(t.encode("<s><|user|>", true)).containsExactly(1, 3);
    }

    @Test
    void refusesAVocabularyWithoutRoom() {
        assertThatThrownBy(() -> BpeTrainer.train(count("some words"), 260, List.of()))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("at least 267")
                .satisfies(e -> assertThat(((Failure) e).exitCode()).isEqualTo(2));
        assertThatThrownBy(() -> BpeTrainer.train(Map.of(), 300, List.of())).isInstanceOf(Failure.class);
    }

    // Few letters, so that pieces arise in several ways and runs of one letter occur.
    private static Map<String, Long> words(RandomGenerator random) {
        Map<String, Long> words = new HashMap<>();
        for (int i = 0; i < 60; i++) {
            StringBuilder word = new StringBuilder();
            for (int n = 1 + random.nextInt(9); n > 0; n--) word.append("abc".charAt(random.nextInt(3)));
            words.merge(word.toString(), 1L + random.nextInt(20), Long::sum);
        }
        return words;
    }

    /** Characters, then merges; all pairs counted again for each. */
    private static List<String> recount(Map<String, Long> words, int size) {
        Map<List<String>, Long> split = new HashMap<>();
        Map<String, Long> letters = new TreeMap<>();
        words.forEach((w, n) -> {
            split.merge(List.of(w.split("")), n, Long::sum);
            for (String c : w.split("")) letters.merge(c, n, Long::sum);
        });
        List<String> pieces = new ArrayList<>(letters.keySet());
        pieces.sort((a, b) -> Long.compare(letters.get(b), letters.get(a)));
        while (pieces.size() < size) {
            List<String> best = best(split);
            if (best == null) break;
            String merged = String.join("", best);
            if (!pieces.contains(merged)) pieces.add(merged);
            Map<List<String>, Long> next = new HashMap<>();
            split.forEach((w, n) -> next.merge(replace(w, best, merged), n, Long::sum));
            split.clear();
            split.putAll(next);
        }
        return pieces;
    }

    private static List<String> best(Map<List<String>, Long> split) {
        Map<List<String>, Long> pairs = new HashMap<>();
        split.forEach((w, n) -> {
            for (int i = 0; i + 1 < w.size(); i++) pairs.merge(List.copyOf(w.subList(i, i + 2)), n, Long::sum);
        });
        return pairs.entrySet().stream()
                .filter(e -> e.getValue() > 1)
                .min((a, b) -> {
                    int order = Long.compare(b.getValue(), a.getValue());
                    if (order == 0)
                        order = a.getKey().get(0).compareTo(b.getKey().get(0));
                    return order != 0
                            ? order
                            : a.getKey().get(1).compareTo(b.getKey().get(1));
                })
                .map(Map.Entry::getKey)
                .orElse(null);
    }

    private static List<String> replace(List<String> word, List<String> pair, String merged) {
        List<String> out = new ArrayList<>();
        for (int i = 0; i < word.size(); i++) {
            boolean here = i + 1 < word.size() && word.subList(i, i + 2).equals(pair);
            out.add(here ? merged : word.get(i));
            if (here) i++;
        }
        return out;
    }
}
