package dev.outrider.recipes.world;

import java.util.ArrayList;
import java.util.List;

/** How many things of one kind there are in several groups: addition. */
record Together(Scene scene, Noun noun) implements Puzzle {
    static Together draw(Voice voice) {
        Scene scene = Scene.drawRepeating(voice);
        Noun first = scene.groups().get(0).noun(),
                second = scene.groups().get(1).noun();
        boolean repeats =
                first.equals(second) || !second.equals(scene.groups().get(2).noun());
        return new Together(scene, repeats ? first : second);
    }

    @Override
    public String key() {
        return scene.key();
    }

    @Override
    public String facts(Voice voice) {
        return scene.facts();
    }

    @Override
    public String question(Voice voice) {
        return voice.say("ask.together", "many", noun.many());
    }

    @Override
    public List<String> steps(Voice voice) {
        List<String> steps = new ArrayList<>();
        for (Group g : groups()) steps.add("There " + g.be() + " " + g.things() + " " + g.spot() + ".");
        int sum = 0;
        for (Group g : groups()) {
            if (sum > 0) steps.add(sentence(sum, g.count()));
            sum += g.count();
        }
        return steps;
    }

    private static String sentence(int a, int b) {
        return English.capital(English.number(a)) + " plus " + English.number(b) + " is " + big(a + b) + ".";
    }

    private List<Group> groups() {
        return scene.groups().stream().filter(g -> g.noun().equals(noun)).toList();
    }

    // Three groups of five make fifteen: beyond the words, digits.
    private static String big(int n) {
        return n <= 12 ? English.number(n) : String.valueOf(n);
    }

    @Override
    public String result() {
        return big(groups().stream().mapToInt(Group::count).sum());
    }
}
