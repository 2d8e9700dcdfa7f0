package dev.outrider.data.conversation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.Message;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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

    private static Conversation about(String said, String... images) {
        return new Conversation("", "", List.of(Message.of(Message.USER, said)), List.of(images), "", "file:1");
    }

    /** Many prompts ask the same of different images. */
    @Test
    void promptsAboutImagesAreKnownByThese(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("rows.jsonl"), """
                {"image":"COCO_val2014_000000000139.jpg","prompt":"Provide a one-sentence caption for the provided image."}
                {"image":"12/image.png","prompt":"Which of these states is the one that is farthest north of all?"}
                {"prompt":"one two three four five six seven eight nine"}
                """);
        Contamination evaluation = Contamination.of(ConversationFiles.of(file), Contamination.SHARE);
        assertThat(evaluation.size()).isEqualTo(3);
        String caption = "<image>\nProvide a one-sentence caption for the provided image.";
        assertThat(evaluation.find(about(caption, "val2017/000000000140.jpg"))).isEmpty();
        for (String same : List.of("000000000139.jpg", "val2017/000000000139.jpg", "COCO_000000000139")) {
            assertThat(evaluation.find(about("other words", "x.png", same)))
                    .contains(new Contamination.Found("file:1", same, 1));
        }
        assertThat(evaluation.find(about("other words", "13/image.png"))).isEmpty();
        assertThat(evaluation.find(about("other words", "12/image.png"))).isPresent();
        assertThat(evaluation.find(about(MIDDLE, "13/image.png"))).isPresent();
        Files.writeString(file, "{\"image\":\"a.png\",\"prompt\":\"q\"}");
        assertThat(Contamination.of(ConversationFiles.of(file), 1).find(about("q", "a.png")))
                .isPresent();
    }

    @Test
    void settingsAreChecked() {
        assertThatThrownBy(() -> Contamination.of(List.of(), 0.5)).isInstanceOf(Failure.class);
        assertThatThrownBy(() -> Contamination.of(List.of("a"), 0)).isInstanceOf(Failure.class);
    }
}
