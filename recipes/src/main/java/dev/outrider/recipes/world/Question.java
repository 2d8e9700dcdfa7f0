package dev.outrider.recipes.world;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A question about one fact of a scene and its answer: a word, then a sentence. */
record Question(String ask, String answer) {
    private static final List<String> ABOUT_THINGS = List.of("count", "colour", "where");
    private static final List<String> ABOUT_PEOPLE = List.of("who", "doing");

    static Question draw(Scene scene, Voice voice) {
        int kind = voice.number(0, scene.people().isEmpty() ? 3 : 5);
        if (kind == 3) return exists(scene, voice);
        return kind < 3
                ? about(ABOUT_THINGS.get(kind), any(scene.groups(), voice).slots(), voice)
                : about(ABOUT_PEOPLE.get(kind - 4), any(scene.people(), voice).slots(), voice);
    }

    private static Question about(String kind, Map<String, String> slots, Voice voice) {
        return new Question(voice.say("ask." + kind, slots), voice.say("answer." + kind, slots));
    }

    // In half of the cases about something that the place might well have, but has not.
    private static Question exists(Scene scene, Voice voice) {
        Map<String, String> slots = new HashMap<>(any(scene.groups(), voice).slots());
        slots.put("at", scene.at());
        boolean there = voice.number(0, 1) == 1;
        if (!there) {
            Noun noun = absent(scene, voice);
            slots.put("one", noun.one());
            slots.put("aOne", English.a(noun.one()));
            slots.put("many", noun.many());
        }
        return new Question(voice.say("ask.exists", slots), voice.say(there ? "answer.yes" : "answer.no", slots));
    }

    private static Noun absent(Scene scene, Voice voice) {
        List<Noun> present = scene.groups().stream().map(Group::noun).toList();
        Noun noun;
        do noun = Noun.of(voice.word(scene.place() + ".noun"));
        while (present.contains(noun));
        return noun;
    }

    private static <T> T any(List<T> list, Voice voice) {
        return list.get(voice.number(0, list.size() - 1));
    }
}
