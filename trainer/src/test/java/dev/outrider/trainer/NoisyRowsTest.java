package dev.outrider.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class NoisyRowsTest {
    private static final int TIME = 400, ROWS = 25, PROMPT = 100, PADDING = 50;

    /** Rows of a prompt of ones, an answer of tokens from 1000 on, and zeros. */
    private static Batch plain(long from, int count) {
        int[] tokens = new int[count * TIME];
        byte[] mask = new byte[tokens.length];
        for (int i = 0; i < tokens.length; i++) {
            int t = i % TIME;
            mask[i] = (byte) (t >= PROMPT && t < TIME - PADDING ? 1 : 0);
            tokens[i] = t < PROMPT ? 1 : mask[i] == 1 ? (int) (1000 + from * TIME + i) : 0;
        }
        return Batch.nextToken(count, TIME, tokens, mask);
    }

    private static long changed(Batch noisy, Batch batch) {
        return IntStream.range(0, batch.positions())
                .filter(i -> noisy.tokens()[i] != batch.tokens()[i])
                .count();
    }

    @Test
    void aShareOfTheAnswersAloneIsShownAsOtherTokensOfAnswers() {
        NoisyRows rows = new NoisyRows(NoisyRowsTest::plain, 0.2, 7);
        Batch batch = plain(3, ROWS), noisy = rows.read(3, ROWS);
        assertThat(noisy.labels()).isEqualTo(batch.labels());
        assertThat(noisy.counted()).isEqualTo(batch.counted());
        double answers = ROWS * (TIME - PROMPT - PADDING);
        // Six deviations of a binomial law.
        assertThat(changed(noisy, batch) / answers)
                .isBetween(0.2 - 6 * 0.4 / Math.sqrt(answers), 0.2 + 6 * 0.4 / Math.sqrt(answers));
        Set<Integer> said = Arrays.stream(batch.tokens()).boxed().collect(Collectors.toSet());
        for (int i = 0; i < batch.positions(); i++) {
            int t = i % TIME;
            if (t < PROMPT || t >= TIME - PADDING) assertThat(noisy.tokens()[i]).isEqualTo(batch.tokens()[i]);
            else assertThat(noisy.tokens()[i]).isGreaterThanOrEqualTo(1000).isIn(said);
        }
    }

    @Test
    void theSameAgainForTheSamePlaceInTheOrderAndNotForAnother() {
        NoisyRows rows = new NoisyRows(NoisyRowsTest::plain, 0.2, 7);
        assertThat(rows.read(0, ROWS).tokens()).isEqualTo(rows.read(0, ROWS).tokens());
        Source.Rows still = (from, count) -> plain(0, count);
        int[] first = new NoisyRows(still, 0.2, 7).read(0, ROWS).tokens();
        assertThat(new NoisyRows(still, 0.2, 7).read(ROWS, ROWS).tokens()).isNotEqualTo(first);
        assertThat(new NoisyRows(still, 0.2, 8).read(0, ROWS).tokens()).isNotEqualTo(first);
    }
}
