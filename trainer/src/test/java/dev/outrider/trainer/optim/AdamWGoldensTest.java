package dev.outrider.trainer.optim;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.Safetensors;
import dev.outrider.checkpoints.Shared;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The semantics of clipping and AdamW against PyTorch in float64, every step, to 1e-12. */
@Tag("goldens")
class AdamWGoldensTest {
    @Test
    void everyStepAgrees() throws IOException {
        JsonNode settings =
                new ObjectMapper().readTree(Shared.golden("optim/adamw.json").toFile());
        try (Safetensors file = Safetensors.open(Shared.golden("optim/adamw-float64.safetensors"))) {
            Map<String, AdamWReference> groups = groups(file, settings);
            assertThat(groups).isNotEmpty();
            double[] norms = file.tensor("norm").doubles();
            for (int step = 0; step < norms.length; step++) step(file, settings, groups, step, norms[step]);
            groups.forEach((name, group) -> {
                close(file.tensor("first_moment." + name).doubles(), group.first);
                close(file.tensor("second_moment." + name).doubles(), group.second);
            });
        }
    }

    private static Map<String, AdamWReference> groups(Safetensors file, JsonNode settings) {
        Map<String, AdamWReference> groups = new TreeMap<>();
        List<String> names =
                file.names().stream().filter(n -> n.startsWith("initial.")).toList();
        for (String name : names) {
            double decay = name.startsWith("initial.decayed.") ? number(settings, "decay") : 0;
            double beta1 = settings.get("betas").get(0).doubleValue();
            double beta2 = settings.get("betas").get(1).doubleValue();
            double[] initial = file.tensor(name).doubles();
            AdamWReference group = new AdamWReference(initial, beta1, beta2, number(settings, "eps"), decay);
            groups.put(name.substring("initial.".length()), group);
        }
        return groups;
    }

    private static double number(JsonNode settings, String key) {
        return settings.get(key).doubleValue();
    }

    private static void step(
            Safetensors file, JsonNode settings, Map<String, AdamWReference> groups, int step, double norm) {
        double squares = 0;
        for (String name : groups.keySet()) {
            for (double g : row(file, "gradient." + name, step)) squares += g * g;
        }
        close(new double[] {norm}, new double[] {Math.sqrt(squares)});
        double scale = Clip.factor(Math.sqrt(squares), number(settings, "max_norm"));
        groups.forEach((name, group) -> {
            group.update(row(file, "gradient." + name, step), number(settings, "lr"), scale);
            close(row(file, "parameter." + name, step), group.parameters);
        });
    }

    private static double[] row(Safetensors file, String name, int step) {
        double[] all = file.tensor(name).doubles();
        int length = all.length / (int) file.tensor(name).shape()[0];
        return Arrays.copyOfRange(all, step * length, (step + 1) * length);
    }

    private static void close(double[] expected, double[] found) {
        double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
        assertThat(found).containsExactly(expected, Offset.offset(1e-12 * largest));
    }
}
