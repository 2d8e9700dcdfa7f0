package dev.outrider.data.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import org.junit.jupiter.api.Test;

class FiltersTest {
    @Test
    void sharesAreCountedByHand() {
        assertThat(Filters.repeatedLines("a\nb\na\n\na")).isEqualTo(2 / 4.0);
        assertThat(Filters.topNgram("a b c a b d", 2)).isEqualTo(2 * 2 / 6.0);
        assertThat(Filters.topNgram("a b c d", 2)).isZero();
        assertThat(Filters.topNgram("a a a a", 2)).isEqualTo(1);
        assertThat(Filters.topCharacter("aab \n c")).isEqualTo(2 / 4.0);
    }

    @Test
    void firstBrokenRuleCounts() {
        Filters filters = new Filters(5, 40, 0.3, 2, 0.4, 0.5);
        assertThat(filters.judge("")).isEqualTo(Verdict.EMPTY);
        assertThat(filters.judge("abcd")).isEqualTo(Verdict.TOO_SHORT);
        assertThat(filters.judge("abcde fghi ".repeat(5))).isEqualTo(Verdict.TOO_LONG);
        assertThat(filters.judge("one two\none two\nthree")).isEqualTo(Verdict.REPEATED_LINES);
        assertThat(filters.judge("one two one two one two")).isEqualTo(Verdict.REPEATED_NGRAM);
        assertThat(filters.judge("aaaaaaaab")).isEqualTo(Verdict.REPEATED_CHARACTER);
        assertThat(filters.judge("one two three four")).isEqualTo(Verdict.KEPT);
        assertThat(Filters.NONE.judge("aaaaaaaaa")).isEqualTo(Verdict.KEPT);
    }

    @Test
    void nonsenseIsRefused() {
        assertThatThrownBy(() -> new Filters(10, 5, 1, 4, 1, 1)).isInstanceOf(Failure.class);
        assertThatThrownBy(() -> new Filters(1, 5, 0, 4, 1, 1)).isInstanceOf(Failure.class);
    }
}
