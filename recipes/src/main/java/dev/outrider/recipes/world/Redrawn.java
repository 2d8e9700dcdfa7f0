package dev.outrider.recipes.world;

import java.util.ArrayList;
import java.util.List;

/** How many things there are after some are added to a picture and some taken away: counting, then arithmetic. */
record Redrawn(View view, Changes changes) implements Puzzle {
    static Redrawn draw(View view, Voice voice) {
        Item item = voice.even(view.items());
        List<String> who = voice.words("name", voice.number(1, 2));
        List<Integer> by = new ArrayList<>();
        int now = item.count();
        for (int i = 0; i < who.size(); i++) {
            boolean take = now > 1 && voice.number(0, 2) == 0;
            by.add(take ? -1 : voice.number(1, 5));
            now += by.getLast();
        }
        return new Redrawn(view, new Changes(item.shape().noun, item.corner().spot(), item.count(), who, by));
    }

    @Override
    public String key() {
        return view.key() + changes.key();
    }

    @Override
    public String facts(Voice voice) {
        return changes.told(voice);
    }

    @Override
    public String question(Voice voice) {
        return changes.question(voice);
    }

    @Override
    public List<String> steps(Voice voice) {
        int start = changes.start();
        List<String> steps = new ArrayList<>();
        steps.add("In the picture there " + (start == 1 ? "is " : "are ") + English.number(start) + " "
                + changes.noun().of(start) + ".");
        steps.addAll(changes.sums());
        return steps;
    }

    @Override
    public String result() {
        return changes.result();
    }
}
