package dev.outrider.data.answers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.ChatTemplate;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.Sessions;
import dev.outrider.data.TestTokenizer;
import dev.outrider.data.text.Source;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Passages of text turned into what users ask. */
class PassagesTest {
    @Test
    @Tag("slow")
    void passagesAreCutAndAskedInTurn(@TempDir Path folder) throws IOException {
        Path text = Files.writeString(
                folder.resolve("text.txt"),
                "one two three four five\n\ntoo short\n\nthe river\ngoes <s> to the sea\n\n"
                        + "one two three four five\n");
        Passages passages = new Passages(
                new Source.Text(List.of(text.toString()), Source.Unit.BLOCK),
                3,
                4,
                List.of("Summarize: {passage}", "{passage}\nWhat is it about?"));
        var spark = Sessions.open("local[1]", Map.of());
        List<String> asked = passages.asked(spark);
        assertThat(asked).hasSize(2).isEqualTo(passages.asked(spark));
        assertThat(asked.getFirst()).startsWith("Summarize: ");
        assertThat(asked.getLast()).endsWith("\nWhat is it about?");
        String all = String.join("|", asked);
        assertThat(all).contains("one two three four").doesNotContain("five");
        assertThat(all).contains("the river goes <s>").doesNotContain("sea").doesNotContain("short");

        Tokenizer tokenizer = TestTokenizer.train();
        ChatTemplate template = ChatTemplate.of(
                "{{ bos_token }}{% for m in messages %}{{ '<' + m.role + '>' + m.content }}{% endfor %}<assistant>",
                Map.of("bos_token", "<s>"));
        List<Prompt> prompts = passages.prompts(spark, template, tokenizer);
        assertThat(prompts).extracting(Prompt::task).containsOnly("passage");
        assertThat(prompts).extracting(Prompt::id).doesNotHaveDuplicates();
        assertThat(prompts.getFirst().text()).isEqualTo("<s><user>" + asked.getFirst() + "<assistant>");
        assertThat(prompts)
                .allSatisfy(
                        p -> assertThat(p.ids()).as("<s> in a passage is text").containsOnlyOnce(tokenizer.bosId()));
    }

    @Test
    void anAskHasAPlaceForThePassage() {
        Source source = new Source.Text(List.of("x"), Source.Unit.LINE);
        assertThatThrownBy(() -> new Passages(source, 1, 2, List.of("Summarize.")))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("Summarize.")
                .hasMessageContaining(Passages.PLACE);
        assertThatThrownBy(() -> new Passages(source, 3, 2, List.of("{passage}")))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("3 to 2 words");
    }
}
