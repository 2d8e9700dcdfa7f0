package dev.outrider.data.answers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.ChatTemplate;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.Sessions;
import dev.outrider.data.TestTokenizer;
import dev.outrider.data.conversation.Contamination;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What a target said in the user's place: which of it becomes a prompt, and in what form. */
class WrittenPromptsTest {
    private static final Tokenizer TOKENIZER = TestTokenizer.train();
    private static final ChatTemplate TEMPLATE = ChatTemplate.of(
            "{{ bos_token }}{% for m in messages %}{{ '<' + m.role + '>' + m.content + '\n' }}{% endfor %}"
                    + "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}",
            Map.of("bos_token", "<s>"));

    private static final List<Prompt> OPENED = List.of(new Prompt("p", "written", "<s><user>"));

    private static Answer said(String text, String finish, int... more) {
        int[] ids = TOKENIZER.encode(text, false);
        int[] all = IntStream.concat(IntStream.of(ids), IntStream.of(more)).toArray();
        String error = finish.equals(Answer.ERROR) ? "broken" : "";
        return new Answer(text + finish, "p", "written", 1, 1, 0, 0, new int[] {1}, all, text, finish, error, "m");
    }

    private static Answer asked(String text) {
        return said(text, "eos", TOKENIZER.eosId());
    }

    private static WrittenPrompts of(List<Answer> answers, Contamination evaluated) {
        return WrittenPrompts.of(null, answers, OPENED, TEMPLATE, TOKENIZER, Optional.ofNullable(evaluated), 1, 0);
    }

    @Test
    void openingsEndWhereTheUserBegins() {
        List<Prompt> openings = WrittenPrompts.openings(TEMPLATE, TOKENIZER, 3, List.of(""));
        assertThat(openings).extracting(Prompt::id).doesNotHaveDuplicates().hasSize(3);
        assertThat(openings).allSatisfy(p -> {
            assertThat(p.text()).isEqualTo("<s><user>");
            assertThat(p.ids()).startsWith(TOKENIZER.bosId()).containsOnlyOnce(TOKENIZER.bosId());
            assertThat(TOKENIZER.decode(p.ids())).isEqualTo("<user>");
        });
        ChatTemplate deaf = ChatTemplate.of("{{ 'Hello!' }}", Map.of());
        assertThatThrownBy(() -> WrittenPrompts.openings(deaf, TOKENIZER, 1, List.of("")))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("no place for the user's words");
    }

    @Test
    void beginningsAreTakenInTurnAndBelongToThePrompt() {
        List<Prompt> openings = WrittenPrompts.openings(TEMPLATE, TOKENIZER, 3, List.of("", "Summarize: "));
        assertThat(openings).extracting(Prompt::text).containsExactly("<s><user>", "<s><user>Summarize: ", "<s><user>");
        Answer second = asked("the small river goes to the sea");
        Answer answer = new Answer(
                second.id(),
                openings.get(1).id(),
                "written",
                1,
                1,
                0,
                0,
                new int[] {1},
                second.answerIds(),
                second.text(),
                "eos",
                "",
                "m");
        WrittenPrompts written =
                WrittenPrompts.of(null, List.of(answer), openings, TEMPLATE, TOKENIZER, Optional.empty(), 1, 0);
        assertThat(written.prompts())
                .extracting(Prompt::text)
                .containsExactly("<s><user>Summarize: the small river goes to the sea\n<assistant>");
    }

    @Test
    void everyFateIsCounted() {
        List<Answer> answers = new ArrayList<>(List.of(
                asked("where does the small river go?"),
                asked(" Where does the SMALL river go "),
                asked("and the sea?"),
                asked("short"),
                asked("again ".repeat(400)),
                said("the river that never ends", "length"),
                said("", Answer.ERROR),
                said("", Answer.SKIPPED),
                said("the story </s> goes on", "eos", TOKENIZER.eosId(), TOKENIZER.eosId()),
                asked("broken \uFFFD character"),
                asked("a bell \u0007 rings")));
        WrittenPrompts written = of(answers, null);
        assertThat(written.counts())
                .containsExactlyInAnyOrderEntriesOf(Map.of(
                        "written", 11L,
                        "kept", 2L,
                        "said_before", 1L,
                        "nearly_said_before", 0L,
                        "too_short", 1L,
                        "too_long", 1L,
                        "never_ended", 1L,
                        "failed", 2L,
                        "not_plain_text", 3L));
        assertThat(written.prompts())
                .extracting(Prompt::text)
                .containsExactly(
                        "<s><user>where does the small river go?\n<assistant>", "<s><user>and the sea?\n<assistant>");
    }

    @Test
    void promptsAreInTheTemplateAndTheirWordsStayWords() {
        Prompt prompt = of(List.of(asked("go to <s> the sea")), null).prompts().getFirst();
        assertThat(prompt.text()).isEqualTo("<s><user>go to <s> the sea\n<assistant>");
        assertThat(prompt.ids()).startsWith(TOKENIZER.bosId()).containsOnlyOnce(TOKENIZER.bosId());
        assertThat(prompt.task()).isEqualTo("written");
    }

    @Test
    void whatIsEvaluatedOnIsLeftOut() {
        Contamination evaluated = Contamination.of(List.of("And the sea"), Contamination.SHARE);
        WrittenPrompts written = of(List.of(asked("and the sea?"), asked("and the small river?")), evaluated);
        assertThat(written.counts()).containsEntry("evaluated_on", 1L).containsEntry("kept", 1L);
        assertThat(written.prompts()).extracting(Prompt::text).noneMatch(t -> t.contains("sea"));
    }

    @Test
    @Tag("slow")
    void nearlyTheSameComesOnce() {
        String words = IntStream.range(0, 40).mapToObj(i -> "word" + i).reduce("", (a, b) -> a + " " + b);
        WrittenPrompts written = WrittenPrompts.of(
                Sessions.open("local[1]", Map.of()),
                List.of(asked(words + " one"), asked(words + " two"), asked("something else entirely here and now")),
                OPENED,
                TEMPLATE,
                TOKENIZER,
                Optional.empty(),
                0.8,
                0);
        assertThat(written.counts()).containsEntry("nearly_said_before", 1L).containsEntry("kept", 2L);
        assertThat(written.prompts()).hasSize(2);
    }
}
