package dev.outrider.recipes.stage;

import dev.outrider.data.answers.RecordedAnswers;
import dev.outrider.data.shard.Shards;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.speculate.Calibration;
import dev.outrider.decode.speculate.Recorded;
import dev.outrider.decode.speculate.StepDrafter;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.Stage;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * How often each drafter is right, by what speaks for its guess, on held-out answers: what the combined drafter chooses
 * by.
 */
public final class CalibrateStage implements Stage {
    /** Enough for every kind of evidence that comes often. */
    private static final int ANSWERS = 200;

    @Override
    public String name() {
        return "calibrate";
    }

    @Override
    public List<String> needs(Recipe recipe) {
        return List.of("export", "tables");
    }

    @Override
    public List<Object> settings(Recipe recipe) {
        return List.of(
                Drafters.combined(recipe),
                Optional.ofNullable(recipe.evaluate().drafts().get(Drafters.combined(recipe))),
                Drafters.mixed(recipe).stream()
                        .map(d -> List.of(d, recipe.evaluate().drafts().getOrDefault(d, "")))
                        .toList(),
                recipe.evaluate().weights());
    }

    @Override
    public boolean runsModels() {
        return true;
    }

    @Override
    public void run(Run run) {
        List<Recorded> heldOut = heldOut(run);
        int longest = heldOut.stream()
                .mapToInt(r -> r.prompt().length + r.answer().length)
                .max()
                .orElseThrow();
        try (Device device = Models.device(run);
                Drafters drafters = new Drafters(run, device, Optional.empty(), longest + 1)) {
            List<StepDrafter> candidates = drafters.candidates();
            Calibration calibration = Calibration.of(candidates, drafters.ahead(heldOut));
            if (!Drafters.mixed(run.recipe()).isEmpty()) calibration = mixing(run, drafters, calibration, heldOut);
            calibration.write(run.calibration());
            List<String> rates = new ArrayList<>();
            for (StepDrafter c : candidates) {
                rates.add(String.format(Locale.ROOT, "%s %.3f", c.name(), calibration.rate(c.name())));
            }
            run.out().println("right on " + heldOut.size() + " held-out answers: " + String.join(", ", rates));
        }
    }

    private static Calibration mixing(Run run, Drafters drafters, Calibration calibration, List<Recorded> heldOut) {
        List<StepDrafter> parts = drafters.parts();
        Calibration mixing = calibration.mixing(parts, drafters.ahead(heldOut));
        double[] weights = mixing.weights(parts);
        List<String> said = new ArrayList<>();
        for (int i = 0; i < weights.length; i++) {
            said.add(String.format(Locale.ROOT, "%s %.3f", parts.get(i).name(), weights[i]));
        }
        run.out().println("weights in a mean of their laws: " + String.join(", ", said));
        return mixing;
    }

    private static List<Recorded> heldOut(Run run) {
        try (Shards valid = Shards.open(run.alignment().resolve("valid"))) {
            List<Recorded> all = RecordedAnswers.of(valid);
            return all.subList(0, Math.min(ANSWERS, all.size()));
        }
    }

    @Override
    public void clean(Run run) throws IOException {
        Files.deleteIfExists(run.calibration());
    }
}
