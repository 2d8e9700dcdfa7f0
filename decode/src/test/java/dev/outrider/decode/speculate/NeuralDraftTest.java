package dev.outrider.decode.speculate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class NeuralDraftTest {
    private static final int VOCABULARY = 12;

    /** Its law is then the target's to the last bit, whatever the settings, and min(1, p/q) is 1. */
    @Test
    void aDraftEqualToTheTargetIsNeverRejected() {
        Seeds.run(5, random -> {
            FakeModel.Logits logits = FakeModel.random(random.nextLong(), VOCABULARY, 1);
            Decoder decoder = new Decoder(new FakeModel(VOCABULARY, 64, logits));
            NeuralDraft draft = Drafters.neural(VOCABULARY, 64, logits);
            int[] prompt = Drafters.prompt(random, 3, VOCABULARY);
            Limits limits = new Limits(50, Set.of());
            for (Sampling sampling : List.of(Sampling.temperature(0.7), new Sampling(1.2, 9, 0.8, 0.1, 1.5))) {
                for (int gamma : new int[] {1, 3, 7}) {
                    var found = decoder.speculative(prompt, draft, gamma, sampling, limits, 5, Listener.NONE);
                    assertThat(found.passes()).allMatch(pass -> pass.accepted() == pass.drafted());
                }
            }
        });
    }

    /** After whatever was kept, it reads and proposes as if the text had been given to it as a prompt. */
    @Test
    void staysInStepWithTheText() {
        Seeds.run(20, random -> {
            FakeModel.Logits logits = FakeModel.random(random.nextLong(), VOCABULARY, 1);
            Sampling sampling = new Sampling(0.8, 0, 0.9, 0, 1.4);
            NeuralDraft draft = Drafters.neural(VOCABULARY, 64, logits);
            int[] text = Drafters.prompt(random, 3, VOCABULARY);
            draft.begin(text);
            int kept = 0;
            int[] proposed = {};
            for (int round = 0; round < 8; round++) {
                int next = random.nextInt(VOCABULARY);
                draft.hear(kept, next);
                for (int i = 0; i < kept; i++) text = RuleDraft.append(text, proposed[i]);
                text = RuleDraft.append(text, next);
                int count = random.nextInt(5);
                var proposal = draft.propose(count, sampling, Chance.of(random));
                proposed = proposal.tokens().clone();
                assertThat(proposal.count()).isEqualTo(count);
                kept = random.nextInt(count + 1);
                if (count == 0) continue;
                History history = new History(VOCABULARY);
                history.push(text);
                Law law = new Law(VOCABULARY).from(logits.after(text, text.length), sampling, history);
                assertThat(LawTest.all(proposal.laws()[0])).isEqualTo(LawTest.all(law));
            }
        });
    }

    /** Filters and penalty work on what it can say; ids are the target's; all others have probability 0. */
    @Test
    void aPrunedLawIsTheLawOfItsOwnTokens() {
        DraftVocabulary outputs = new DraftVocabulary(VOCABULARY, new int[] {0, 3, 4, 7, 11, 8});
        Seeds.run(20, random -> {
            FakeModel.Logits logits = FakeModel.random(random.nextLong(), VOCABULARY, 2);
            NeuralDraft draft = new NeuralDraft(new FakeModel(outputs, 64, logits), 1);
            Sampling sampling = new Sampling(0.8, 4, 0.9, 0, 1.4);
            int[] text = Drafters.prompt(random, 9, VOCABULARY);
            draft.begin(text);
            draft.hear(0, 5);
            text = RuleDraft.append(text, 5);
            var proposal = draft.propose(2, sampling, Chance.of(random));
            for (int i = 0; i < 2; i++) {
                double[] expected = law(outputs, logits.after(text, text.length), sampling, text);
                assertThat(LawTest.all(proposal.laws()[i])).containsExactly(expected, within(1e-6));
                assertThat(outputs.draft(proposal.tokens()[i])).isNotNegative();
                text = RuleDraft.append(text, proposal.tokens()[i]);
            }
        });
    }

    private static double[] law(DraftVocabulary outputs, float[] all, Sampling sampling, int[] text) {
        double[] own = new double[outputs.size()], law = new double[VOCABULARY];
        for (int i = 0; i < own.length; i++) own[i] = all[outputs.target(i)];
        int[] said = IntStream.of(text).map(outputs::draft).filter(i -> i >= 0).toArray();
        double[] processed = ReferenceLaw.of(own, sampling, said);
        for (int i = 0; i < own.length; i++) law[outputs.target(i)] = processed[i];
        return law;
    }

    @Test
    void aPrunedModelIsNoTarget() {
        DraftVocabulary outputs = new DraftVocabulary(VOCABULARY, new int[] {0, 3});
        FakeModel model = new FakeModel(outputs, 8, FakeModel.random(1, VOCABULARY, 1));
        assertThatThrownBy(() -> new Decoder(model)).isInstanceOf(Failure.class).hasMessageContaining("2 of 12 tokens");
    }

    @Test
    void aFullCacheProposesLessAndAtLastNothing() {
        FakeModel.Logits logits = FakeModel.random(1, VOCABULARY, 1);
        NeuralDraft draft = Drafters.neural(VOCABULARY, 6, logits);
        draft.begin(new int[] {1, 2, 3});
        draft.hear(0, 4);
        assertThat(draft.propose(5, Sampling.GREEDY, null).count()).isEqualTo(3);
        draft.hear(1, 4);
        assertThat(draft.propose(5, Sampling.GREEDY, null).count()).isEqualTo(1);
        draft.hear(1, 4);
        assertThat(draft.propose(5, Sampling.GREEDY, null).count()).isZero();
        draft.begin(new int[] {1, 2, 3, 4, 5, 6, 7});
        draft.hear(0, 1);
        assertThat(draft.propose(5, Sampling.GREEDY, null).count()).isZero();
    }
}
