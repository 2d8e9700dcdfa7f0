package dev.outrider.recipes.world;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;

/**
 * Where a thing is after it was moved about: keeping track.
 *
 * @param thing where it is first
 * @param who moves it, in turn
 * @param spots where to, as many
 */
record Moves(String at, Group thing, List<String> who, List<String> spots) implements Puzzle {
    static Moves draw(Voice voice) {
        String place = voice.word("place");
        int moves = voice.number(2, 3);
        List<String> names = voice.words("name", 2), spots = voice.words(place + ".spot", moves + 1);
        List<String> who = new ArrayList<>();
        for (int i = 0; i < moves; i++) who.add(names.get(voice.number(0, 1)));
        Group thing = new Group(
                1, voice.word("size"), voice.word("colour"), Noun.of(voice.word("portable")), spots.getFirst());
        return new Moves(voice.word(place + ".at"), thing, who, spots.subList(1, moves + 1));
    }

    @Override
    public String key() {
        return at + thing + who + spots;
    }

    @Override
    public String facts(Voice voice) {
        StringJoiner text = new StringJoiner(" ");
        text.add("There is " + thing.line() + ".");
        for (int i = 0; i < who.size(); i++) text.add(who.get(i) + " puts the " + noun() + " " + spots.get(i) + ".");
        return text.toString();
    }

    private String noun() {
        return thing.noun().one();
    }

    @Override
    public String question(Voice voice) {
        return voice.say("ask.moves", "noun", noun());
    }

    @Override
    public List<String> steps(Voice voice) {
        List<String> steps = new ArrayList<>();
        steps.add("At first the " + noun() + " is " + thing.spot() + ".");
        for (int i = 0; i < who.size(); i++) steps.add(who.get(i) + " puts it " + spots.get(i) + ".");
        return steps;
    }

    @Override
    public String result() {
        return spots.getLast();
    }

    /** The same as a story with what people say. */
    String story(Voice voice) {
        Map<String, String> cast = cast(voice);
        StringJoiner text = new StringJoiner(" ");
        text.add(voice.say("story.open", cast)).add(voice.say("story.thing", cast));
        for (int i = 0; i < who.size(); i++) {
            cast.put("who", who.get(i));
            cast.put("other", who.get(i).equals(cast.get("a")) ? cast.get("b") : cast.get("a"));
            cast.put("spot", spots.get(i));
            text.add(voice.say("story.move", cast));
            String talk = voice.say("story.talk", cast);
            if (!talk.isEmpty()) text.add(talk);
        }
        for (String part : List.of("story.ask", "story.answer", "story.close")) text.add(voice.say(part, cast));
        return text.toString();
    }

    private Map<String, String> cast(Voice voice) {
        List<String> names = new ArrayList<>(who.stream().distinct().toList());
        for (String name : voice.words("name", 4)) if (!names.contains(name)) names.add(name);
        return new HashMap<>(Map.of(
                "a", names.get(0),
                "b", names.get(1),
                "c", names.get(2),
                "at", at,
                "thing", thing.things(),
                "noun", noun(),
                "start", thing.spot(),
                "spot", thing.spot()));
    }
}
