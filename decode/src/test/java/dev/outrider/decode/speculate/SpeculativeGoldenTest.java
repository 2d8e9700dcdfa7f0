package dev.outrider.decode.speculate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.Shared;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.CausalModel;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.WrappedModel;
import dev.outrider.decode.speculate.Generation.Pass;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Texts, passes and accepted counts of Hugging Face transformers' assisted generation. Our decoder reads the
 * prompt alone ({@code prefill}); transformers' first pass reads the prompt and a first proposal together
 * ({@code direct}), which is our loop begun one token earlier: after the prompt but for its last token, which
 * is forced. So both conventions are checked with the one decoder.
 */
@Tag("goldens")
class SpeculativeGoldenTest {
    private JsonNode expected;
    private Device device;
    private CausalModel target;
    private NeuralDraft draft;
    private int most;

    @BeforeEach
    void open() throws IOException {
        expected =
                new ObjectMapper().readTree(Shared.golden("spd/expected.json").toFile());
        most = expected.get("max_new_tokens").asInt();
        int capacity = 0;
        for (JsonNode run : expected.get("runs"))
            capacity = Math.max(capacity, run.get("prompt").size() + most);
        device = new CpuDevice(1);
        target = Llama.open(Shared.golden("spd/target"), device, capacity);
        draft = new NeuralDraft(Llama.open(Shared.golden("spd/draft"), device, capacity), 1);
    }

    @AfterEach
    void close() {
        if (draft != null) draft.close();
        if (target != null) target.close();
        if (device != null) device.close();
    }

    @Test
    void aPromptReadAloneGivesThesePasses() {
        Decoder decoder = new Decoder(target);
        Limits limits = new Limits(most, Set.of());
        assertThat(expected.get("runs").size()).isPositive();
        for (JsonNode run : expected.get("runs")) {
            int[] prompt = ints(run.get("prompt"));
            int[] greedy = ints(run.get("greedy"));
            assertThat(decoder.autoregressive(prompt, Sampling.GREEDY, limits, 0, Listener.NONE)
                            .tokens())
                    .isEqualTo(greedy);
            for (JsonNode of : run.get("gammas")) {
                int gamma = of.get("gamma").asInt();
                Generation found = decoder.speculative(prompt, draft, gamma, Sampling.GREEDY, limits, 0, Listener.NONE);
                assertThat(found.tokens()).as("γ = %d", gamma).isEqualTo(greedy).isEqualTo(ints(of.get("generated")));
                List<Pass> passes = passes(of.get("prefill"));
                assertThat(passes.removeFirst()).isEqualTo(new Pass(0, 0, false)); // the prompt's
                assertThat(found.passes()).as("γ = %d", gamma).isEqualTo(passes);
                Tally tally = tally(found);
                assertThat(tally.blockEfficiency()).isEqualTo(number(of, "tau_prefill_excluded"), within(1e-12));
                assertThat(tally.blockEfficiencyWithPrefill())
                        .isEqualTo(number(of, "tau_prefill_counted"), within(1e-12));
            }
        }
    }

    @Test
    void aPromptReadWithTheFirstProposalGivesThesePasses() {
        for (JsonNode run : expected.get("runs")) {
            int[] prompt = ints(run.get("prompt"));
            for (JsonNode of : run.get("gammas")) {
                int gamma = of.get("gamma").asInt();
                Generation found = direct(prompt, draft, gamma, Set.of());
                assertThat(withoutFirst(found.tokens())).isEqualTo(ints(of.get("generated")));
                assertThat(found.passes()).as("γ = %d", gamma).isEqualTo(passes(of.get("direct")));
                assertThat(tally(found).blockEfficiency()).isEqualTo(number(of, "tau_direct"), within(1e-12));
            }
        }
    }

    /**
     * transformers gives the draft the target's end token, so it stops drafting there: our drafter does not
     * know the end token, and is wrapped in one that does. And where the draft's last token is the end and
     * right, transformers counts it as the target's own, one less accepted than here.
     */
    @Test
    void anEndTokenInAProposalEndsTheText() {
        int eos = expected.get("eos_token_id").asInt();
        assertThat(expected.get("runs_with_eos").size()).isPositive();
        for (JsonNode run : expected.get("runs_with_eos")) {
            int[] prompt = ints(run.get("prompt"));
            int gamma = run.get("gamma").asInt();
            int[] text = ints(run.get("generated"));
            Generation found = direct(prompt, new EndingDraft(draft, eos), gamma, Set.of(eos));
            assertThat(withoutFirst(found.tokens())).isEqualTo(text);
            List<Pass> passes = passes(run.get("direct"));
            if (text[text.length - 1] == eos && run.get("draft_proposed_eos").asBoolean()) {
                Pass last = passes.removeLast();
                passes.add(new Pass(last.drafted(), last.accepted() + 1, true));
            }
            assertThat(found.passes()).as("γ = %d", gamma).isEqualTo(passes);

            // As we decode: the same text, whatever is drafted behind the end.
            Limits limits = new Limits(most, Set.of(eos));
            assertThat(new Decoder(target)
                            .speculative(prompt, draft, gamma, Sampling.GREEDY, limits, 0, Listener.NONE)
                            .tokens())
                    .isEqualTo(text);
        }
    }

    /** The prompt's last token comes out as the first generated one, so the first round follows the prompt. */
    private Generation direct(int[] prompt, Drafter drafter, int gamma, Set<Integer> eos) {
        assertThat(prompt.length).isGreaterThan(1);
        int read = prompt.length - 1;
        Decoder decoder = new Decoder(new ForcedModel(target, read, prompt[read]));
        Limits limits = new Limits(most + 1, eos);
        return decoder.speculative(
                Arrays.copyOf(prompt, read), drafter, gamma, Sampling.GREEDY, limits, 0, Listener.NONE);
    }

    private static Tally tally(Generation generation) {
        Tally tally = new Tally();
        tally.add(generation);
        return tally;
    }

    private static List<Pass> passes(JsonNode pairs) {
        List<Pass> passes = new ArrayList<>();
        for (JsonNode pair : pairs) {
            passes.add(new Pass(pair.get(0).asInt(), pair.get(1).asInt(), false));
        }
        return passes;
    }

    private static int[] ints(JsonNode array) {
        return IntStream.range(0, array.size()).map(i -> array.get(i).asInt()).toArray();
    }

    private static int[] withoutFirst(int[] tokens) {
        return Arrays.copyOfRange(tokens, 1, tokens.length);
    }

    private static double number(JsonNode node, String key) {
        assertThat(node.hasNonNull(key)).as(key).isTrue();
        return node.get(key).asDouble();
    }

    /** Another model, but after the first {@code at} tokens it is certain of one token. */
    private static final class ForcedModel extends WrappedModel {
        private final int at;
        private final int token;
        private int rows;

        ForcedModel(CausalModel model, int at, int token) {
            super(model);
            this.at = at;
            this.token = token;
        }

        @Override
        public void read(int[] tokens, int offset, int count, int rows) {
            super.read(tokens, offset, count, rows);
            this.rows = rows;
        }

        @Override
        public void logits(int row, float[] into) {
            super.logits(row, into);
            if (length() - rows + row + 1 != at) return;
            Arrays.fill(into, 0);
            into[token] = 1;
        }

        @Override
        public void close() {}
    }

    /** Another drafter that proposes nothing behind an end token. */
    private record EndingDraft(Drafter drafter, int eos) implements Drafter {
        @Override
        public String name() {
            return drafter.name();
        }

        @Override
        public int vocabulary() {
            return drafter.vocabulary();
        }

        @Override
        public void begin(int[] context) {
            drafter.begin(context);
        }

        @Override
        public Proposal propose(int count, Sampling sampling, Chance chance) {
            Proposal whole = drafter.propose(count, sampling, chance);
            int end = 0;
            while (end < whole.count() && whole.tokens()[end] != eos) end++;
            return new Proposal(whole.tokens(), whole.laws(), Math.min(end + 1, whole.count()));
        }

        @Override
        public void hear(int kept, int next) {
            drafter.hear(kept, next);
        }

        @Override
        public long parameters() {
            return drafter.parameters();
        }
    }
}
