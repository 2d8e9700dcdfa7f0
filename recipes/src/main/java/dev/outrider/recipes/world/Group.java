package dev.outrider.recipes.world;

import java.util.Map;

/** Some things of one kind at one spot: two small red cups on the table. */
record Group(int count, String size, String colour, Noun noun, String spot) {
    static Group draw(Voice voice, Noun noun, String place) {
        int count = voice.number(0, 1) == 0 ? 1 : voice.number(2, 5);
        return new Group(count, voice.word("size"), voice.word("colour"), noun, voice.word(place + ".spot"));
    }

    /** a small red cup; two small red cups. */
    String things() {
        String kind = English.join(size, colour, noun.of(count));
        return count == 1 ? English.a(kind) : English.number(count) + " " + kind;
    }

    String be() {
        return count == 1 ? "is" : "are";
    }

    /** How the scene's list has it. */
    String line() {
        return things() + " " + spot;
    }

    Map<String, String> slots() {
        return Map.of(
                "things", things(),
                "be", be(),
                "spot", spot,
                "colour", colour,
                "noun", noun.of(count),
                "one", noun.one(),
                "aOne", English.a(noun.one()),
                "many", noun.many(),
                "number", English.number(count));
    }
}
