package dev.outrider.recipes;

import dev.outrider.checkpoints.Failure;
import java.util.ArrayList;
import java.util.List;

/** Everything that is wrong with a recipe, collected so that it can be said at once. */
final class Problems {
    private final List<String> found = new ArrayList<>();

    void add(String place, String what, String expected, String remedy) {
        found.add(place + ": found " + what + "; expected " + expected + ". " + remedy);
    }

    void add(Failure problem) {
        found.add(problem.getMessage());
    }

    /** What was found so far. */
    List<String> list() {
        return List.copyOf(found);
    }

    /** @throws Failure USAGE listing all of them, if there is any */
    void throwIfAny(String file) {
        if (found.isEmpty()) return;
        String count = found.size() == 1 ? "1 problem" : found.size() + " problems";
        throw Failure.of(Failure.Kind.USAGE, file + ": " + count + "\n  " + String.join("\n  ", found));
    }
}
