package dev.outrider.data.answers;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.SharedTokenizer;
import dev.outrider.data.TestTokenizer;
import dev.outrider.decode.model.CausalModel;
import dev.outrider.decode.speculate.Decoder;
import dev.outrider.decode.speculate.Limits;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** A prompt that the model fails at is recorded, and the next one is answered. */
class AnswerTaskTest {
    private static final int CONTEXT = 30, ANSWER = 7;

    @Test
    void errorsAreRecordedWithTheirMessage() {
        Tokenizer tokenizer = TestTokenizer.train();
        var plan = new AnswerPlan(1, "m", tokenizer.hash(), 300, "p", 3, List.of(0.0), 1, 1, 4, CONTEXT, 1, 8);
        var task = new AnswerTask(plan, "", SharedTokenizer.share(Path.of(""), tokenizer), "", 1, 1);
        List<Prompt> prompts = List.of(
                new Prompt("a", "", "the sea"), new Prompt("b", "", "12345678"), new Prompt("c", "", "the story"));
        var limits = new Limits(4, Set.of(), List.of(), Optional.of(tokenizer));
        List<Answer> answers = task.answers(new Part(0, prompts), new Decoder(new Short(tokenizer.size())), limits);
        assertThat(answers).extracting(Answer::finish).containsExactly("length", Answer.ERROR, "length");
        assertThat(answers.get(1).error()).contains("too much for me");
        assertThat(answers.get(1).answerIds()).isEmpty();
        assertThat(answers.get(2).answerIds()).containsExactly(ANSWER, ANSWER, ANSWER, ANSWER);
    }

    /** Always says the same, and breaks down over prompts of 8 tokens and more. */
    private static final class Short implements CausalModel {
        private final int vocabulary;
        private int length;

        private Short(int vocabulary) {
            this.vocabulary = vocabulary;
        }

        @Override
        public int vocabulary() {
            return vocabulary;
        }

        @Override
        public int capacity() {
            return CONTEXT;
        }

        @Override
        public int length() {
            return length;
        }

        @Override
        public void truncate(int length) {
            this.length = length;
        }

        @Override
        public void read(int[] tokens, int offset, int count, int rows) {
            if (count >= 8) throw Failure.data("prompt", "too much for me", "less", "Ask less.");
            length += count;
        }

        @Override
        public void logits(int row, float[] into) {
            Arrays.fill(into, 0);
            into[ANSWER] = 1;
        }

        @Override
        public void close() {}
    }
}
