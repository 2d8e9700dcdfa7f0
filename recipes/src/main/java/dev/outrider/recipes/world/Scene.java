package dev.outrider.recipes.world;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A place with things and people: what an image would show.
 *
 * @param at the place with its preposition
 */
record Scene(String place, String at, List<Group> groups, List<Person> people) {
    Scene {
        groups = List.copyOf(groups);
        people = List.copyOf(people);
    }

    /** A scene in which every kind of thing occurs in one group. */
    static Scene draw(Voice voice) {
        String place = voice.word("place");
        List<Group> groups = new ArrayList<>();
        for (String noun : voice.words(place + ".noun", voice.number(3, 4))) {
            groups.add(Group.draw(voice, Noun.of(noun), place));
        }
        return of(voice, place, groups, voice.number(0, 2));
    }

    /** A scene in which the first kind of thing occurs in two or three groups, a colour each, and one other kind. */
    static Scene drawRepeating(Voice voice) {
        String place = voice.word("place");
        List<String> nouns = voice.words(place + ".noun", 2);
        List<Group> groups = new ArrayList<>();
        for (String colour : voice.words("colour", voice.number(2, 3))) {
            Group g = Group.draw(voice, Noun.of(nouns.get(0)), place);
            groups.add(new Group(g.count(), g.size(), colour, g.noun(), g.spot()));
        }
        groups.add(Group.draw(voice, Noun.of(nouns.get(1)), place));
        return of(voice, place, voice.shuffled(groups), voice.number(0, 1));
    }

    private static Scene of(Voice voice, String place, List<Group> groups, int persons) {
        List<String> names = voice.words("name", persons), doings = voice.words(place + ".doing", persons);
        List<Person> people = new ArrayList<>();
        for (int i = 0; i < persons; i++) {
            people.add(new Person(names.get(i), doings.get(i), voice.word(place + ".near")));
        }
        return new Scene(place, voice.word(place + ".at"), groups, people);
    }

    /** As a prompt gives it: a list of short facts. */
    String facts() {
        return Stream.concat(groups.stream().map(Group::line), people.stream().map(Person::line))
                .map(line -> "\n- " + line)
                .collect(Collectors.joining("", "Scene: " + place, ""));
    }

    /** The same for scenes that differ in order only. */
    String key() {
        return place
                + groups.stream().map(Group::line).sorted().toList()
                + people.stream().map(Person::line).sorted().toList();
    }
}
