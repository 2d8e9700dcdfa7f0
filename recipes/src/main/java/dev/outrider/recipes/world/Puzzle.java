package dev.outrider.recipes.world;

import java.util.List;

/** Something to be found out in several steps. */
sealed interface Puzzle permits Together, More, Ranking, Moves, Changes, Redrawn {
    /** The same for puzzles about the same facts. */
    String key();

    String facts(Voice voice);

    String question(Voice voice);

    /** Sentences that lead to the result, each resting on the facts and the ones before. */
    List<String> steps(Voice voice);

    String result();

    static Puzzle draw(Voice voice) {
        return switch (voice.number(0, 4)) {
            case 0 -> Together.draw(voice);
            case 1 -> More.draw(voice);
            case 2 -> Ranking.draw(voice);
            case 3 -> Moves.draw(voice);
            default -> Changes.draw(voice);
        };
    }

    /** Numbered steps and the conclusion. */
    default String answer(Voice voice) {
        StringBuilder text = new StringBuilder();
        int n = 0;
        for (String step : steps(voice))
            text.append(++n).append(". ").append(step).append('\n');
        return text.append(voice.say("conclude", "result", result())).toString();
    }
}
