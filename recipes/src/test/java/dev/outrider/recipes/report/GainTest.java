package dev.outrider.recipes.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.decode.speculate.Generation;
import dev.outrider.decode.speculate.Generation.Finish;
import dev.outrider.decode.speculate.Generation.Pass;
import dev.outrider.decode.speculate.Generation.Times;
import dev.outrider.recipes.report.Evaluation.Outcome;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class GainTest {
    private static final Evaluation EVALUATION = Evaluations.of(List.of());

    @Test
    void ofEveryKindTaskAndSetting() {
        List<Gain> gains = Gain.of(EVALUATION, 1);
        assertThat(gains.stream().filter(g -> g.gamma() == 3).map(g -> g.kind() + "/" + g.task() + "/" + g.prompts()))
                .containsExactly(
                        "needs the picture/all/24",
                        "needs the picture/seen-describe/12",
                        "needs the picture/seen-question/12",
                        "does not need it/all/12");
        assertThat(gains).hasSize(12);
        assertThat(Gain.of(EVALUATION, 1)).isEqualTo(gains);
    }

    @Test
    void figuresAreRatiosOfSums() {
        for (Gain g : Gain.of(EVALUATION, 1)) {
            double[] blind = sums(g, Evaluations.DRAFTS.get(2)), seeing = sums(g, Evaluations.DRAFTS.get(3));
            assertThat(g.tau().blind()).isCloseTo(blind[0] / blind[1], within(1e-12));
            assertThat(g.tau().seeing()).isCloseTo(seeing[0] / seeing[1], within(1e-12));
            assertThat(g.alpha().blind()).isCloseTo(blind[2] / blind[3], within(1e-12));
            assertThat(g.alpha().seeing()).isCloseTo(seeing[2] / seeing[3], within(1e-12));
            assertThat(g.tau().low())
                    .isLessThan(g.tau().gain())
                    .isNotEqualTo(g.alpha().low());
            assertThat(g.tau().high()).isGreaterThan(g.tau().gain());
            assertThat(g.tau().low() > 0).isEqualTo(g.kind().equals("needs the picture"));
        }
    }

    private static double[] sums(Gain g, String draft) {
        double[] sums = new double[4];
        for (Outcome o : EVALUATION.outcomes()) {
            boolean kind = o.task().startsWith("seen") == g.kind().equals("needs the picture");
            boolean task = g.task().equals("all") || g.task().equals(o.task());
            if (!kind || !task || o.gamma() != g.gamma() || !o.draft().equals(draft)) continue;
            sums[0] += o.tokens();
            sums[1] += o.passes();
            sums[2] += o.accepted();
            sums[3] += o.judged();
        }
        return sums;
    }

    /** A prompt that only one of the drafts was measured on says nothing about the difference. */
    @Test
    void promptsOfBothDraftsAlone() {
        List<Outcome> fewer = new ArrayList<>(EVALUATION.outcomes());
        fewer.removeIf(o -> o.prompt().equals("unseen-question-3") && o.draft().equals(Evaluations.DRAFTS.get(2)));
        assertThat(Gain.of(with(fewer), 1).stream().filter(g -> g.kind().equals("does not need it")))
                .allMatch(g -> g.prompts() == 11);
        fewer.removeIf(o -> o.draft().equals(Evaluations.DRAFTS.get(2)));
        assertThat(Gain.of(with(fewer), 1)).isEmpty();
    }

    private static Evaluation with(List<Outcome> outcomes) {
        Evaluation e = EVALUATION;
        return new Evaluation(
                e.target(),
                e.drafts(),
                e.rows(),
                e.samples(),
                e.compared(),
                e.identical(),
                e.definitions(),
                e.machine(),
                e.pairs(),
                outcomes);
    }

    /** Of the second pass one token is refused; the third one's text ended among the accepted ones. */
    @Test
    void outcomesCountWhatTheTargetJudged() {
        List<Pass> passes =
                List.of(new Pass(3, 3, false), new Pass(3, 1, false), new Pass(3, 2, true), new Pass(0, 0, false));
        Generation g = new Generation(new int[10], new boolean[10], Finish.EOS, "", passes, new Times(1, 1, 1, 4));
        assertThat(Outcome.of("d", "t", "p", 0.7, 3, g)).isEqualTo(new Outcome("d", "t", "p", 0.7, 3, 9, 4, 6, 7));
    }
}
