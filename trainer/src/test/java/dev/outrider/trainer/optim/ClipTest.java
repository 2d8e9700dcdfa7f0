package dev.outrider.trainer.optim;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ClipTest {
    @Test
    void scalesDownToTheLargestNormAndNeverUp() {
        assertThat(Clip.factor(4, 1)).isEqualTo(1 / (4 + 1e-6));
        assertThat(Clip.factor(0.5, 1)).isEqualTo(1);
        assertThat(Clip.factor(0, 1)).isEqualTo(1);
    }

    @Test
    void aLimitOfZeroIsNone() {
        assertThat(Clip.factor(1e9, 0)).isEqualTo(1);
    }
}
