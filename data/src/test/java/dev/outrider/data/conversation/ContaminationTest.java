package dev.outrider.data.conversation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.Message;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ContaminationTest {
    // Twenty words: eight runs of thirteen.
    private static final String LONG =
            IntStream.range(0, 20).mapToObj(i -> "word" + i).collect(Collectors.joining(" "));
    private static final String MIDDLE = "one two three four five six seven eight nine";
    private static final String SHORT = "Who are you?";
    private static final Contamination EVALUATION = Contamination.of(List.of(LONG, MIDDLE, SHORT), Contamination.SHARE);

    private static Optional<Contamination.Found> find(String... turns) {
        List<Message> messages = IntStream.range(0, turns.length)
                .mapToObj(i -> Message.of(i % 2 == 0 ? Message.USER : Message.ASSISTANT, turns[i]))
                .toList();
        return EVALUATION.find(new Conversation("", "", messages, List.of(), "", "file:1"));
    }

    @Test
    void wholeMessagesWhateverTheirCase() {
        assertThat(find("hi", "who are YOU")).contains(new Contamination.Found("file:1", SHORT, 1));
        assertThat(find("Tell me: who are you? I ask.")).isEmpty();
    }

    @Test
    void runsOfWordsInside() {
        assertThat(find("Please say " + MIDDLE + ".").orElseThrow().prompt()).isEqualTo(MIDDLE);
        assertThat(find("one two three four five six seven eight")).isEmpty();
        assertThat(find("x", "Well, " + LONG.replace(" ", ", ") + "!")
                        .orElseThrow()
                        .share())
                .isEqualTo(1);
    }

    @Test
    void theShareOfItsRunsDecides() {
        // The first k + 12 words hold k of the eight runs.
        for (int k = 1; k <= 8; k++) {
            String part = String.join(" ", List.of(LONG.split(" ")).subList(0, k + 12)) + " other";
            assertThat(find(part).map(Contamination.Found::share))
                    .as(k + " runs")
                    .isEqualTo(k >= 4 ? Optional.of(k / 8.0) : Optional.empty());
        }
    }

    @Test
    void settingsAreChecked() {
        assertThatThrownBy(() -> Contamination.of(List.of(), 0.5)).isInstanceOf(Failure.class);
        assertThatThrownBy(() -> Contamination.of(List.of("a"), 0)).isInstanceOf(Failure.class);
    }
}
