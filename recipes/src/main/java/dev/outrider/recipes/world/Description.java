package dev.outrider.recipes.world;

import java.util.HashMap;
import java.util.Map;
import java.util.StringJoiner;

/** What a caption says about a scene: each fact in turn, between an opening and a close. */
final class Description {
    private Description() {}

    static String of(Scene scene, Voice voice) {
        Map<String, String> slots =
                new HashMap<>(Map.of("place", scene.place(), "aPlace", English.a(scene.place()), "at", scene.at()));
        StringJoiner text = new StringJoiner(" ");
        text.add(voice.say("describe.open", slots));
        String rule = "group.first";
        for (Group group : scene.groups()) {
            text.add(voice.say(rule, group.slots()));
            rule = "group";
        }
        for (Person person : scene.people()) text.add(voice.say("person", person.slots()));
        if (scene.people().isEmpty()) text.add(voice.say("nobody", slots));
        else slots.put("name", scene.people().getFirst().name());
        slots.put("mood", voice.say("mood." + scene.people().size(), slots));
        return text.add(voice.say("describe.close", slots)).toString();
    }
}
