package dev.outrider.decode.speculate;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * In the place of chance: runs a program once for every way in which its random decisions can come out, and
 * sums the exact probability of each result.
 */
final class AllOutcomes implements Chance {
    /** A decision on the current path: probabilities of its outcomes, and the one taken. */
    private record Decision(double[] outcomes, int taken) {}

    private final List<Decision> path = new ArrayList<>();
    private int at;
    private long runs;

    private AllOutcomes() {}

    /** The law of the program's result. */
    static <T> Map<T, Double> law(Function<Chance, T> program) {
        AllOutcomes chance = new AllOutcomes();
        Map<T, Double> law = new HashMap<>();
        do {
            chance.at = 0;
            T result = program.apply(chance);
            law.merge(result, chance.probability(), Double::sum);
            if (++chance.runs > 3_000_000) throw new IllegalStateException("too many paths");
        } while (chance.advance());
        return law;
    }

    @Override
    public boolean happens(double probability) {
        double yes = Math.clamp(probability, 0, 1);
        return decide(yes, 1 - yes) == 0;
    }

    @Override
    public int draw(Law law) {
        double[] outcomes = new double[law.vocabulary()];
        for (int i = 0; i < outcomes.length; i++) outcomes[i] = law.probability(i);
        return decide(outcomes);
    }

    private int decide(double... outcomes) {
        if (at == path.size()) path.add(new Decision(outcomes, possible(outcomes, 0)));
        return path.get(at++).taken;
    }

    private double probability() {
        double product = 1;
        for (Decision decision : path) product *= decision.outcomes[decision.taken];
        return product;
    }

    /** Changes the last decision that has another outcome left, and forgets those after it. */
    private boolean advance() {
        while (!path.isEmpty()) {
            Decision last = path.removeLast();
            int other = possible(last.outcomes, last.taken + 1);
            if (other < last.outcomes.length) {
                path.add(new Decision(last.outcomes, other));
                return true;
            }
        }
        return false;
    }

    private static int possible(double[] outcomes, int from) {
        int i = from;
        while (i < outcomes.length && outcomes[i] == 0) i++;
        return i;
    }
}
