package dev.outrider.decode.speculate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.HuggingFace;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Models;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.CausalModel;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.WrappedModel;
import dev.outrider.decode.ngram.NgramTable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReadAheadTest {
    private static final int VOCABULARY = 12;
    private static final List<Integer> GAMMAS = List.of(1, 3, 7);

    private static List<Replay> replays() {
        return GAMMAS.stream().map(g -> new Replay(g, Set.of(0), 200)).toList();
    }

    private static List<List<Generation.Pass>> passes(Drafter drafter, Iterable<Recorded> answers) {
        List<List<Generation.Pass>> all = new ArrayList<>();
        for (Recorded answer : answers)
            for (Replay replay : replays())
                all.add(replay.generation(drafter, answer).passes().stream()
                        .map(ReadAheadTest::judged)
                        .toList());
        return all;
    }

    // What is proposed behind a wrong guess may differ, where another drafter takes over at the end of the cache.
    private static Generation.Pass judged(Generation.Pass pass) {
        return new Generation.Pass(Math.min(pass.drafted(), pass.accepted() + 1), pass.accepted(), pass.cut());
    }

    /** Whatever drafter asks it, a cache that ends within an answer included: every pass is the one without it. */
    @Test
    void passesAreThoseWithoutIt() {
        Seeds.run(6, random -> {
            FakeModel.Logits target = FakeModel.random(random.nextLong(), VOCABULARY, 1);
            Decoder decoder = new Decoder(new FakeModel(VOCABULARY, 256, target));
            List<Recorded> answers = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                int[] prompt = Drafters.prompt(random, 4, VOCABULARY);
                Limits limits = new Limits(random.nextInt(1, 120), Set.of(0));
                int[] answer = decoder.autoregressive(prompt, Sampling.GREEDY, limits, 0, Listener.NONE)
                        .tokens();
                answers.add(new Recorded(prompt, answer));
            }
            FakeModel.Logits draft = FakeModel.noisy(target, random.nextLong(), 0.7);
            long seed = random.nextLong();
            for (int capacity : new int[] {256, 40, 9}) {
                for (Function<CausalModel, Drafter> kind : kinds(seed)) {
                    ReadAhead ahead = new ReadAhead(new FakeModel(VOCABULARY, capacity, draft));
                    Drafter drafter = kind.apply(ahead);
                    assertThat(passes(drafter, ReadAhead.of(List.of(ahead), answers)))
                            .as("%s, %d", drafter.name(), capacity)
                            .isEqualTo(passes(kind.apply(new FakeModel(VOCABULARY, capacity, draft)), answers));
                }
            }
        });
    }

    private static List<Function<CausalModel, Drafter>> kinds(long seed) {
        return List.of(
                model -> new NeuralDraft(model, 1),
                model -> Drafters.mixed(table(seed), new NeuralDraft(model, 1)),
                model -> new Combined(
                        "combined",
                        List.of(
                                new Combined.Candidate(new PromptLookup(VOCABULARY), 0),
                                new Combined.Candidate(new NeuralDraft(model, 1), 0)),
                        Calibration.raw(),
                        Costs.FLAT));
    }

    private static NgramTable table(long seed) {
        return NgramTable.of(
                VOCABULARY,
                4,
                List.of(Seeds.generator(seed).ints(200, 0, VOCABULARY).toArray()));
    }

    @TempDir
    Path folder;

    /** A real model's bits, answers of more than one pass; each token is read once for all γ. */
    @Test
    void aRealModelReadsAnAnswerOnce() {
        ModelConfig config = ModelConfig.draft(40, 32, 48, 2, 2, 128, 1, 2);
        HuggingFace.write(
                folder, config, Models.tensors(config, Seeds.generator(2)), Optional.empty(), Optional.empty());
        List<Recorded> answers = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            answers.add(new Recorded(
                    Seeds.generator(i).ints(9 + i, 3, 40).toArray(),
                    Seeds.generator(90 + i).ints(70, 3, 40).toArray()));
        }
        try (Device device = new CpuDevice(1);
                Llama alone = Llama.open(folder, device, 128);
                Llama read = Llama.open(folder, device, 128)) {
            // Half of each answer is what the model itself says.
            for (Recorded r : answers) own(alone, r);
            Counting counted = new Counting(read);
            ReadAhead ahead = new ReadAhead(counted);
            assertThat(passes(new NeuralDraft(ahead, 1), ReadAhead.of(List.of(ahead), answers)))
                    .isEqualTo(passes(new NeuralDraft(alone, 1), answers))
                    .anySatisfy(passes -> assertThat(passes).anyMatch(p -> p.accepted() == 7));
            assertThat(counted.passes).isEqualTo(3 * (1 + 3));
            assertThat(counted.tokens).isEqualTo(3 * 70 + 9 + 10 + 11);
        }
    }

    private static void own(Llama model, Recorded r) {
        float[] row = new float[model.vocabulary()];
        model.truncate(0);
        model.read(r.prompt(), 0, r.prompt().length, 1);
        for (int i = 0; i < r.answer().length; i++) {
            model.logits(0, row);
            if (i % 20 < 10) {
                int best = 3;
                for (int id = 3; id < row.length; id++) if (row[id] > row[best]) best = id;
                r.answer()[i] = best;
            }
            model.read(r.answer(), i, 1, 1);
        }
    }

    /** Behind a wrong guess nothing is the answer's, whatever tokens come. */
    @Test
    void onceOffTheAnswerItStaysOffUntilThatIsTakenBack() {
        ReadAhead ahead = new ReadAhead(new FakeModel(VOCABULARY, 64, FakeModel.random(1, VOCABULARY, 1)));
        var told = ReadAhead.of(List.of(ahead), List.of(new Recorded(new int[] {4, 5}, new int[] {6, 7, 8})));
        assertThat(told.iterator().next().answer()).hasSize(3);
        ahead.read(new int[] {4, 5}, 0, 2, 1);
        float[] prompt = logits(ahead);
        ahead.read(new int[] {9, 6}, 0, 1, 1);
        assertThat(logits(ahead)).isEqualTo(prompt);
        ahead.read(new int[] {9, 6}, 1, 1, 1);
        assertThat(logits(ahead)).isEqualTo(prompt);
        assertThat(ahead.length()).isEqualTo(4);
        ahead.truncate(2);
        ahead.read(new int[] {6}, 0, 1, 1);
        assertThat(logits(ahead)).isNotEqualTo(prompt);
    }

    private static float[] logits(CausalModel model) {
        float[] row = new float[model.logits()];
        model.logits(0, row);
        return row;
    }

    @Test
    void anotherPromptIsAnError() {
        ReadAhead ahead = new ReadAhead(new FakeModel(VOCABULARY, 64, FakeModel.random(1, VOCABULARY, 1)));
        for (Recorded r : ReadAhead.of(List.of(ahead), List.of(new Recorded(new int[] {4, 5}, new int[] {6})))) {
            assertThat(r.prompt()).containsExactly(4, 5);
            assertThatThrownBy(() -> ahead.read(new int[] {4, 6}, 0, 2, 1)).isInstanceOf(IllegalStateException.class);
        }
    }

    /** Counts what is read. */
    private static final class Counting extends WrappedModel {
        int passes;
        int tokens;

        Counting(CausalModel model) {
            super(model);
        }

        @Override
        public void read(int[] read, int offset, int count, int rows) {
            passes++;
            tokens += count;
            super.read(read, offset, count, rows);
        }
    }
}
