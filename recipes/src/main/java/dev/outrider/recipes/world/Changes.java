package dev.outrider.recipes.world;

import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;

/**
 * How many things there are after some were taken and some added: arithmetic with numbers of two digits.
 *
 * @param who changes the number, in turn
 * @param by positive for adding
 */
record Changes(Noun noun, String spot, int start, List<String> who, List<Integer> by) implements Puzzle {
    static Changes draw(Voice voice) {
        String place = voice.word("place");
        int start = voice.number(6, 20), now = start;
        List<String> who = voice.words("name", voice.number(2, 3));
        List<Integer> by = new ArrayList<>();
        for (int i = 0; i < who.size(); i++) {
            boolean take = now > 5 && voice.number(0, 1) == 0;
            by.add(take ? -voice.number(2, 5) : voice.number(2, 9));
            now += by.getLast();
        }
        Noun noun = Noun.of(voice.word("portable"));
        return new Changes(noun, voice.word(place + ".spot"), start, who, by);
    }

    @Override
    public String key() {
        return noun + spot + start + who + by;
    }

    @Override
    public String facts(Voice voice) {
        return "There are " + start + " " + noun.many() + " " + spot + ". " + told(voice);
    }

    /** Who takes and adds how many. */
    String told(Voice voice) {
        StringJoiner text = new StringJoiner(" ");
        for (int i = 0; i < who.size(); i++) text.add(who.get(i) + " " + verb(i, voice) + " " + amount(i) + ".");
        return text.toString();
    }

    private String verb(int i, Voice voice) {
        return voice.say(by.get(i) < 0 ? "takes" : "adds");
    }

    private int amount(int i) {
        return Math.abs(by.get(i));
    }

    @Override
    public String question(Voice voice) {
        return voice.say("ask.changes", "many", noun.many());
    }

    @Override
    public List<String> steps(Voice voice) {
        List<String> steps = new ArrayList<>();
        steps.add("At first there are " + start + " " + noun.many() + ".");
        steps.addAll(sums());
        return steps;
    }

    /** A sum for each change. */
    List<String> sums() {
        List<String> steps = new ArrayList<>();
        int now = start;
        for (int i = 0; i < who.size(); i++) {
            String sum = now + (by.get(i) < 0 ? " - " : " + ") + amount(i) + " = " + (now += by.get(i));
            steps.add(who.get(i) + (by.get(i) < 0 ? " takes " : " adds ") + amount(i) + ": " + sum + ".");
        }
        return steps;
    }

    @Override
    public String result() {
        return String.valueOf(start + by.stream().mapToInt(Integer::intValue).sum());
    }
}
