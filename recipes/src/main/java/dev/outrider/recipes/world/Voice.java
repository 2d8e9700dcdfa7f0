package dev.outrider.recipes.world;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;

/** Someone who speaks the grammar: makes its choices, the k-th alternative with weight 1/k. */
final class Voice {
    private final Grammar grammar;
    private final RandomGenerator random;

    Voice(Grammar grammar, RandomGenerator random) {
        this.grammar = grammar;
        this.random = random;
    }

    /** A number from low to high, both included, evenly. */
    int number(int low, int high) {
        return random.nextInt(low, high + 1);
    }

    /** One of the things, all alike likely. */
    <T> T even(List<T> things) {
        return things.get(number(0, things.size() - 1));
    }

    /** One of the things, all alike likely. */
    <T> T even(T[] things) {
        return even(List.of(things));
    }

    /** One of the things, the first ones more often. */
    <T> T one(List<T> things) {
        double all = 0;
        for (int k = 1; k <= things.size(); k++) all += 1.0 / k;
        double left = random.nextDouble() * all;
        int k = 1;
        while (k < things.size() && (left -= 1.0 / k) >= 0) k++;
        return things.get(k - 1);
    }

    /** An alternative of a rule as it stands. */
    String word(String rule) {
        return one(grammar.rule(rule));
    }

    /** Distinct alternatives of a rule as they stand. */
    List<String> words(String rule, int count) {
        List<String> left = new ArrayList<>(grammar.rule(rule));
        List<String> taken = new ArrayList<>();
        while (taken.size() < count) {
            String word = one(left);
            left.remove(word);
            taken.add(word);
        }
        return taken;
    }

    /** The things in an order of chance. */
    <T> List<T> shuffled(List<T> things) {
        List<T> left = new ArrayList<>(things), out = new ArrayList<>();
        while (!left.isEmpty()) out.add(left.remove(random.nextInt(left.size())));
        return out;
    }

    /** Says a rule with slots given as name, text, name, text; what is no slot is a rule. */
    String say(String rule, String... slots) {
        Map<String, String> filled = new HashMap<>();
        for (int i = 0; i < slots.length; i += 2) filled.put(slots[i], slots[i + 1]);
        return say(rule, filled);
    }

    /** Says a rule with these slots. */
    String say(String rule, Map<String, String> slots) {
        return expand(word(rule), slots);
    }

    private String expand(String pattern, Map<String, String> slots) {
        StringBuilder out = new StringBuilder();
        int from = 0;
        for (int open; (open = pattern.indexOf('{', from)) >= 0; ) {
            int close = pattern.indexOf('}', open);
            out.append(pattern, from, open).append(fill(pattern.substring(open + 1, close), slots));
            from = close + 1;
        }
        return out.append(pattern.substring(from)).toString();
    }

    private String fill(String name, Map<String, String> slots) {
        String plain = Character.toLowerCase(name.charAt(0)) + name.substring(1);
        String text = slots.containsKey(plain) ? slots.get(plain) : say(plain, slots);
        return plain.equals(name) ? text : English.capital(text);
    }
}
