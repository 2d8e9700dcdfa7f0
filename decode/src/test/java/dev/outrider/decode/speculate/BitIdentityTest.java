package dev.outrider.decode.speculate;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.Safetensors;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Shared;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.CausalModel;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.WrappedModel;
import dev.outrider.decode.ngram.NgramTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Under greedy decoding a real model says the same with every drafter and every γ, and not by luck of the
 * argmax: each row of logits that decides has the same bits as in autoregressive decoding.
 */
@Tag("goldens")
class BitIdentityTest {
    private static final int CAPACITY = 128;
    private static final Limits LIMITS = new Limits(24, Set.of());

    @Test
    void withWeightsAsTheyAreStored() throws IOException {
        identical(Shared.golden("spd/target"), Shared.golden("spd/draft"));
    }

    @Test
    void withWeightsInF32(@TempDir Path folder) throws IOException {
        Path target = inF32(Shared.golden("spd/target"), folder.resolve("target"));
        identical(target, Shared.golden("spd/draft"));
    }

    private static Path inF32(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        Files.copy(from.resolve("config.json"), to.resolve("config.json"));
        try (Safetensors stored = Safetensors.open(from.resolve("model.safetensors"))) {
            List<Tensor> tensors = stored.names().stream()
                    .map(stored::tensor)
                    .map(t -> Tensor.of(t.name(), t.floats(), t.shape()))
                    .toList();
            Safetensors.write(to.resolve("model.safetensors"), tensors, Map.of("format", "pt"));
        }
        return to;
    }

    private static void identical(Path target, Path draft) throws IOException {
        JsonNode runs = new ObjectMapper()
                .readTree(Shared.golden("spd/expected.json").toFile())
                .get("runs");
        assertThat(runs.size()).isPositive();
        try (var device = new CpuDevice(1);
                var model = new Witness(Llama.open(target, device, CAPACITY));
                var neural = new NeuralDraft(Llama.open(draft, device, CAPACITY), 1)) {
            for (JsonNode run : runs) {
                int[] prompt = ints(run.get("prompt"));
                var table = new NgramDraft(NgramTable.of(model.vocabulary(), 2, List.of(ints(run.get("greedy")))));
                Drafter combined = Drafters.hostile(
                        List.of(new PromptLookup(model.vocabulary()), table, neural), Seeds.generator(prompt.length));
                for (Drafter drafter : List.of(neural, table, RuleDraft.uniform(model.vocabulary()), combined)) {
                    identical(model, prompt, drafter);
                }
            }
        }
    }

    private static void identical(Witness model, int[] prompt, Drafter drafter) {
        Decoder decoder = new Decoder(model);
        int[] alone = decoder.autoregressive(prompt, Sampling.GREEDY, LIMITS, 0, Listener.NONE)
                .tokens();
        Map<Integer, Integer> bits = model.forget();
        for (int gamma = 1; gamma <= Decoder.MAX_GAMMA; gamma++) {
            Generation found = decoder.speculative(prompt, drafter, gamma, Sampling.GREEDY, LIMITS, 0, Listener.NONE);
            assertThat(found.tokens()).as("%s, γ = %d", drafter.name(), gamma).isEqualTo(alone);
            assertThat(model.forget()).as("%s, γ = %d", drafter.name(), gamma).isEqualTo(bits);
        }
    }

    private static int[] ints(JsonNode array) {
        return IntStream.range(0, array.size()).map(i -> array.get(i).asInt()).toArray();
    }

    /** Remembers, for every number of tokens before, a hash of the bits of the logits that were asked for. */
    private static final class Witness extends WrappedModel {
        private Map<Integer, Integer> bits = new HashMap<>();
        private int rows;

        Witness(CausalModel model) {
            super(model);
        }

        Map<Integer, Integer> forget() {
            Map<Integer, Integer> seen = bits;
            bits = new HashMap<>();
            return seen;
        }

        @Override
        public void read(int[] tokens, int offset, int count, int rows) {
            super.read(tokens, offset, count, rows);
            this.rows = rows;
        }

        @Override
        public void logits(int row, float[] into) {
            model.logits(row, into);
            bits.put(length() - rows + row + 1, Arrays.hashCode(into));
        }
    }
}
