package dev.outrider.decode.speculate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.Safetensors;
import dev.outrider.checkpoints.Shared;
import dev.outrider.checkpoints.Tensor;
import java.util.Arrays;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The processed laws of Hugging Face transformers, computed in double. */
@Tag("goldens")
class SamplingGoldenTest {
    @Test
    void lawsAndTheirSupportAgree() throws Exception {
        JsonNode cases =
                new ObjectMapper().readTree(Shared.golden("sampling/cases.json").toFile());
        assertThat(cases.size()).isPositive();
        try (Safetensors expected = Safetensors.open(Shared.golden("sampling/expected.safetensors"))) {
            Tensor logits = expected.tensor("logits");
            Tensor context = expected.tensor("context");
            cases.properties().forEach(entry -> {
                String name = entry.getKey();
                Tensor laws = expected.tensor(name);
                assertThat(laws.shape()).as(name).isEqualTo(logits.shape());
                agrees(name, sampling(entry.getValue().get("settings")), logits, context, laws);
            });
        }
    }

    private static Sampling sampling(JsonNode settings) {
        return new Sampling(
                settings.path("temperature").asDouble(1),
                settings.path("top_k").asInt(0),
                settings.path("top_p").asDouble(1),
                settings.path("min_p").asDouble(0),
                settings.path("repetition_penalty").asDouble(1));
    }

    private static void agrees(String name, Sampling sampling, Tensor logits, Tensor context, Tensor laws) {
        int rows = (int) logits.shape()[0];
        int vocabulary = (int) logits.shape()[1];
        Law law = new Law(vocabulary);
        History history = new History(vocabulary);
        for (int r = 0; r < rows; r++) {
            history.clear();
            history.push(row(context, r));
            law.from(row(logits, r, vocabulary), sampling, history);
            double[] expected = row(laws, r, vocabulary);
            for (int i = 0; i < vocabulary; i++) {
                double found = law.probability(i);
                assertThat(found).as("%s, row %d, id %d", name, r, i).isEqualTo(expected[i], within(1e-12));
                assertThat(found > 0).as("%s, row %d, id %d kept", name, r, i).isEqualTo(expected[i] > 0);
            }
        }
    }

    private static double[] row(Tensor tensor, int row, int width) {
        return Arrays.copyOfRange(tensor.doubles(), row * width, (row + 1) * width);
    }

    private static int[] row(Tensor tensor, int row) {
        int width = (int) tensor.shape()[1];
        return Arrays.copyOfRange(tensor.ints(), row * width, (row + 1) * width);
    }
}
