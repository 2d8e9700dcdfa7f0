package dev.outrider.trainer.loss;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Seeds;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/** Relations between the losses that hold for any two laws, in the float kernels. */
class IdentitiesTest {
    private static LawPair draw(RandomGenerator random, Arena arena) {
        int vocabulary = 1 + random.nextInt(300);
        double scale = random.nextDouble(0.1, 20);
        LawPair x = new LawPair();
        var p = arena.allocateFrom(ValueLayout.JAVA_FLOAT, Seeds.normal(random, vocabulary, scale));
        var q = arena.allocateFrom(ValueLayout.JAVA_FLOAT, Seeds.normal(random, vocabulary, scale));
        x.read(p.address(), q.address(), vocabulary, random.nextFloat(0.5f, 2));
        return x;
    }

    @Test
    void relationsHold() {
        Seeds.run(200, random -> {
            try (Arena arena = Arena.ofConfined()) {
                check(draw(random, arena));
            }
        });
    }

    private static void check(LawPair x) {
        double tvd = new TotalVariation().value(x), kl = new ForwardKl().value(x), reverse = new ReverseKl().value(x);
        double slack = 1e-5;
        assertThat(1 - tvd).isCloseTo(x.acceptance, Cases.within(slack));
        assertThat(x.own.mean() + x.own.complement()).isCloseTo(1, Cases.within(slack));
        assertThat(kl).isGreaterThanOrEqualTo(2 * tvd * tvd - slack * (1 + kl)); // Pinsker
        assertThat(reverse).isGreaterThanOrEqualTo(2 * tvd * tvd - slack * (1 + reverse));
        hybrid(x, kl, tvd, slack * (1 + kl));
        double jsd = new JensenShannon().value(x);
        assertThat(jsd).isBetween(tvd * tvd / 2 - slack, tvd * Math.log(2) + slack); // hence at most log 2
        assertThat(jsd).isLessThanOrEqualTo((kl + reverse) / 4 + slack * (1 + kl + reverse));
    }

    private static void hybrid(LawPair x, double kl, double tvd, double slack) {
        for (double eta : new double[] {0, 1, 3, 10}) {
            double value = new AcceptanceHybrid(eta).value(x);
            assertThat(value).isBetween(Math.min(kl, tvd) - slack, Math.max(kl, tvd) + slack);
        }
        assertThat(new AcceptanceHybrid(0).value(x)).isCloseTo(kl, Cases.within(slack));
        if (x.acceptance > 1e-3) assertThat(new AcceptanceHybrid(1e6).value(x)).isCloseTo(tvd, Cases.within(slack));
    }

    @Test
    void everyGradientSumsToZero() {
        Divergence.PerPosition[] losses = {
            new ForwardKl(), new ReverseKl(), new JensenShannon(), new TotalVariation(), new AcceptanceHybrid(3)
        };
        Seeds.run(50, random -> {
            for (Divergence.PerPosition loss : losses) {
                try (Arena arena = Arena.ofConfined()) {
                    LawPair x = draw(random, arena);
                    double value = loss.value(x), sum = 0;
                    loss.gradient(x, 1);
                    for (float g : x.q.probabilities) sum += g;
                    assertThat(sum).as("%s", loss).isCloseTo(0, Cases.within(1e-5 * (1 + value)));
                }
            }
        });
    }
}
