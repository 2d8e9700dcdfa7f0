package dev.outrider.recipes.world;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.StringJoiner;

/** What is said of a view, and asked about it. */
final class Looking {
    private Looking() {}

    /** All that there is, in few words. */
    static String caption(View view, Voice voice) {
        List<String> parts = new ArrayList<>();
        for (Item item : view.items()) {
            Map<String, String> slots = new HashMap<>(item.group().slots());
            slots.put("corner", item.corner().words());
            parts.add(voice.say("see.part", slots));
        }
        Map<String, String> slots = ground(view);
        slots.put("parts", English.list(parts));
        return voice.say("see.caption", slots);
    }

    /** All that there is, in sentences and in reading order. */
    static String description(View view, Voice voice) {
        StringJoiner text = new StringJoiner(" ");
        text.add(voice.say("see.open", ground(view)));
        String rule = "see.first";
        for (Item item : view.items()) {
            text.add(voice.say(rule, item.group().slots()));
            rule = "see.further";
        }
        boolean one = view.items().size() == Corner.values().length - 1;
        return text.add(voice.say("see.close", "rest", one ? "other corner is" : "other two corners are"))
                .toString();
    }

    /** About one thing of a view, one corner, or what lies beside a thing. */
    static Question question(View view, Voice voice) {
        Item item = voice.even(view.items());
        Question bare = switch (voice.number(0, 9)) {
            case 0, 1, 2 -> about("colour", item, voice);
            case 3, 4 -> about("count", item, voice);
            case 5 -> about("where", item, voice);
            case 6, 7 -> corner(view, voice);
            case 8 -> beside(view, item, voice);
            default -> exists(view, item, voice);
        };
        String close = voice.say("see.sure");
        return close.isEmpty() ? bare : new Question(bare.ask(), bare.answer() + " " + close);
    }

    private static Question about(String kind, Item item, Voice voice) {
        return said("ask." + kind, "answer." + kind, item.group().slots(), voice);
    }

    private static Question corner(View view, Voice voice) {
        Corner corner = voice.even(Corner.values());
        return found("see.corner", view.at(corner), Map.of("spot", corner.spot()), voice);
    }

    private static Question beside(View view, Item item, Voice voice) {
        List<Side> sides = List.of(Side.values()).stream()
                .filter(s -> item.corner().neighbour(s).isPresent())
                .toList();
        Side side = voice.even(sides);
        String where = side.words + " the " + item.shape().noun.of(item.count());
        Corner there = item.corner().neighbour(side).orElseThrow();
        return found("see.beside", view.at(there), Map.of("spot", where), voice);
    }

    /** What is at a spot: something or nothing. */
    private static Question found(String ask, Optional<Item> item, Map<String, String> spot, Voice voice) {
        Map<String, String> slots =
                item.map(i -> new HashMap<>(i.group().slots())).orElse(new HashMap<>());
        slots.putAll(spot);
        return said(ask, item.isPresent() ? "see.something" : "see.nothing", slots, voice);
    }

    // In half of the cases about a kind that is not there.
    private static Question exists(View view, Item item, Voice voice) {
        boolean there = voice.number(0, 1) == 1;
        Noun noun = there ? item.shape().noun : voice.even(view.absent()).noun;
        Map<String, String> slots = new HashMap<>(item.group().slots());
        slots.put("at", "in the picture");
        slots.put("one", noun.one());
        slots.put("aOne", English.a(noun.one()));
        slots.put("many", noun.many());
        return said("ask.exists", there ? "answer.yes" : "answer.no", slots, voice);
    }

    private static Question said(String ask, String answer, Map<String, String> slots, Voice voice) {
        return new Question(voice.say(ask, slots), voice.say(answer, slots));
    }

    private static Map<String, String> ground(View view) {
        String word = view.ground().word();
        return new HashMap<>(Map.of("ground", word, "aGround", English.a(word)));
    }
}
