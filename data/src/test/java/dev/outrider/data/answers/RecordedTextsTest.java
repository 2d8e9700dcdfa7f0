package dev.outrider.data.answers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.ChatTemplate;
import dev.outrider.checkpoints.tokenizer.BpeTrainer;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.checkpoints.tokenizer.Words;
import dev.outrider.data.answers.RecordedTexts.Decoding;
import dev.outrider.data.conversation.ConversationFiles;
import dev.outrider.decode.speculate.Recorded;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RecordedTextsTest {
    private static final Tokenizer TOKENIZER = BpeTrainer.train(
            Words.split("the cat sat on the mat and a dog ran").stream()
                    .collect(Collectors.groupingBy(Function.identity(), Collectors.counting())),
            300,
            List.of());
    private static final ChatTemplate TEMPLATE = ChatTemplate.of(
            "{% for m in messages %}{% if m.role == 'user' %}[{{ m.content }}]{% else %}{{ m.content }}{{ eos_token }}{% endif %}"
                    + "{% endfor %}",
            Map.of("eos_token", "</s>"));

    @TempDir
    Path folder;

    private List<RecordedTexts> read(String... rows) throws IOException {
        Path file = Files.writeString(folder.resolve("rows.jsonl"), String.join("\n", rows));
        return RecordedTexts.of(ConversationFiles.of(file), TEMPLATE, TOKENIZER);
    }

    private static String row(String decoding, String... turns) {
        StringBuilder out = new StringBuilder("{\"conversations\": [");
        for (int i = 0; i < turns.length; i++) {
            String from = i % 2 == 0 ? "human" : "gpt";
            out.append(i == 0 ? "" : ", ").append("{\"from\": \"" + from + "\", \"value\": \"" + turns[i] + "\"}");
        }
        return out + "], \"decoding\": \"" + decoding + "\"}";
    }

    private static String text(int[] ids) {
        return TOKENIZER.decode(ids).strip();
    }

    private static boolean ended(Recorded recorded) {
        return recorded.answer()[recorded.answer().length - 1] == TOKENIZER.eosId();
    }

    @Test
    void wholeAnswersEndWithTheirToken() throws IOException {
        RecordedTexts greedy = read(row("greedy", "the cat", "sat on")).getFirst();
        assertThat(greedy.decoding()).isEqualTo(Decoding.GREEDY);
        Recorded one = greedy.answers().getFirst();
        assertThat(text(one.prompt())).isEqualTo("[the cat]");
        assertThat(text(one.answer())).isEqualTo("sat on");
        assertThat(ended(one)).isTrue();
    }

    @Test
    void cutAnswersLoseTheirLastWordAndHaveNoEnd() throws IOException {
        Recorded one = read(row("greedy, cut at 64 new tokens", "the cat", "sat on the ma"))
                .getFirst()
                .answers()
                .getFirst();
        assertThat(text(one.answer())).isEqualTo("sat on the");
        assertThat(ended(one)).isFalse();
    }

    @Test
    void everyTurnIsAnAnswerToAllBeforeIt() throws IOException {
        List<Recorded> two = read(row("greedy, cut", "the cat", "sat on", "and", "a dog ran"))
                .getFirst()
                .answers();
        assertThat(two).hasSize(2);
        assertThat(text(two.get(0).answer())).isEqualTo("sat on");
        assertThat(ended(two.get(0))).as("only the last turn was cut").isTrue();
        assertThat(text(two.get(1).prompt())).contains("[the cat]", "sat on", "[and]");
        assertThat(text(two.get(1).answer())).isEqualTo("a dog");
    }

    @Test
    void picturesAreLeftOut() throws IOException {
        Recorded one = read(row("greedy", "<image>the cat", "sat on"))
                .getFirst()
                .answers()
                .getFirst();
        assertThat(one.prompt()).doesNotContain(-200);
        assertThat(text(one.prompt())).doesNotContain("image").contains("the cat");
    }

    @Test
    void kindsAreToldApart() throws IOException {
        List<RecordedTexts> kinds = read(
                row("sampled T=0.7", "the", "cat"),
                row("greedy", "the", "dog"),
                row("", "the", "mat"),
                row("greedy", "a", "cat"));
        assertThat(kinds.stream().map(RecordedTexts::decoding))
                .containsExactly(Decoding.GREEDY, Decoding.SAMPLED, Decoding.UNKNOWN);
        assertThat(kinds.getFirst().answers()).hasSize(2);
    }

    @Test
    void tokensOfOthersAreRefused() {
        assertThatThrownBy(() -> read("{\"input_ids\": [1, 2], \"loss_mask\": [0, 1]}"))
                .isInstanceOf(Failure.class)
                .hasMessageContainingAll("found tokens", "a conversation");
    }
}
