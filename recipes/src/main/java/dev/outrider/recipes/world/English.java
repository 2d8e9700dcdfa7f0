package dev.outrider.recipes.world;

import java.util.List;

/** The little English that the world needs. */
final class English {
    private static final List<String> NUMBERS = List.of(
            "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve");

    private English() {}

    /** 0 to 12 as a word. */
    static String number(int n) {
        return NUMBERS.get(n);
    }

    static String capital(String text) {
        return text.isEmpty() ? text : Character.toUpperCase(text.charAt(0)) + text.substring(1);
    }

    /** With a or an. */
    static String a(String phrase) {
        return ("aeio".indexOf(phrase.charAt(0)) >= 0 ? "an " : "a ") + phrase;
    }

    /** Anna, Ben and Cara. */
    static String list(List<String> names) {
        int last = names.size() - 1;
        return last == 0 ? names.get(0) : String.join(", ", names.subList(0, last)) + " and " + names.get(last);
    }

    /** The words that are not empty, with one space between. */
    static String join(String... words) {
        return String.join(
                " ", List.of(words).stream().filter(w -> !w.isEmpty()).toList());
    }
}
