package dev.outrider.recipes.world;

import java.util.ArrayList;
import java.util.List;

/**
 * Who is the tallest: transitive comparison.
 *
 * @param names the most first
 * @param words taller, shorter, tallest, shortest
 * @param most whether the first is asked for, or the last
 */
record Ranking(List<String> names, List<String> words, boolean most) implements Puzzle {
    static Ranking draw(Voice voice) {
        List<String> names = voice.shuffled(voice.words("name", voice.number(3, 4)));
        return new Ranking(names, List.of(voice.word("order").split("/")), voice.number(0, 1) == 0);
    }

    @Override
    public String key() {
        return names + words.getFirst();
    }

    @Override
    public String facts(Voice voice) {
        return String.join(" ", voice.shuffled(neighbours(voice)));
    }

    private List<String> neighbours(Voice voice) {
        List<String> facts = new ArrayList<>();
        for (int i = 0; i + 1 < names.size(); i++) {
            facts.add(voice.say(
                    "order.fact",
                    "left",
                    names.get(i),
                    "right",
                    names.get(i + 1),
                    "more",
                    words.get(0),
                    "less",
                    words.get(1)));
        }
        return facts;
    }

    @Override
    public String question(Voice voice) {
        return voice.say("ask.order", "most", words.get(most ? 2 : 3));
    }

    @Override
    public List<String> steps(Voice voice) {
        List<String> steps = new ArrayList<>();
        for (int i = 0; i + 1 < names.size(); i++) {
            steps.add(names.get(i) + " is " + words.get(0) + " than " + names.get(i + 1) + ".");
        }
        steps.add("From " + words.get(2) + " to " + words.get(3) + " they are " + English.list(names) + ".");
        return steps;
    }

    @Override
    public String result() {
        return most ? names.getFirst() : names.getLast();
    }

    /** The same as a text without a question. */
    String story(Voice voice) {
        String open = voice.say("order.open", "names", English.list(voice.shuffled(names)));
        String close = voice.say(
                "order.close",
                "first",
                names.getFirst(),
                "last",
                names.getLast(),
                "most",
                words.get(2),
                "least",
                words.get(3));
        return open + " " + facts(voice) + " " + close;
    }
}
