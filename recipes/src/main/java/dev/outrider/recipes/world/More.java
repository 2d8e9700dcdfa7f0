package dev.outrider.recipes.world;

import java.util.List;

/** Of which of two kinds of things there are more: comparison. */
record More(Scene scene, Group left, Group right) implements Puzzle {
    static More draw(Voice voice) {
        while (true) {
            Scene scene = Scene.draw(voice);
            List<Group> two = voice.shuffled(scene.groups()).subList(0, 2);
            if (two.get(0).count() != two.get(1).count()) return new More(scene, two.get(0), two.get(1));
        }
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
        return voice.say(
                "ask.more", "left", left.noun().many(), "right", right.noun().many());
    }

    @Override
    public List<String> steps(Voice voice) {
        int more = Math.max(left.count(), right.count()), fewer = Math.min(left.count(), right.count());
        return List.of(
                counted(left),
                counted(right),
                English.capital(English.number(more)) + " is more than " + English.number(fewer) + ".");
    }

    private static String counted(Group g) {
        return "There " + g.be() + " " + English.number(g.count()) + " "
                + g.noun().of(g.count()) + ".";
    }

    @Override
    public String result() {
        return (left.count() > right.count() ? left : right).noun().many();
    }
}
