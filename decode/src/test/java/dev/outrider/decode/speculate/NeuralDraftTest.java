package dev.outrider.decode.speculate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Seeds;
import java.util.List;
import java.util.Set;
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
