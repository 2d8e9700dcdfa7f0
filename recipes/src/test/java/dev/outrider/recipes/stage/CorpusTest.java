package dev.outrider.recipes.stage;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.data.answers.Prompt;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** What is held out is never answered, in other words either. */
class CorpusTest {
    private static final int PICTURES = 300;

    private static List<Prompt> prompts() {
        List<Prompt> prompts = new ArrayList<>();
        for (int i = 0; i < 2 * PICTURES; i++) {
            String text = "<image>\nquestion " + i;
            prompts.add(new Prompt("p" + i, "seen", text, null, List.of(i / 2 + ".png")));
        }
        return prompts;
    }

    private static Set<String> pictures(List<Prompt> prompts) {
        return prompts.stream().map(p -> p.pictures().getFirst()).collect(Collectors.toSet());
    }

    @Test
    void promptsAboutOnePictureAreOnOneSide() {
        Corpus.Split split = new Corpus.Split();
        split.add(prompts(), 0.3);
        assertThat(split.heldOut()).hasSizeBetween(100, 260);
        assertThat(pictures(split.heldOut())).doesNotContainAnyElementsOf(pictures(split.answered()));
    }
}
