package dev.outrider.checkpoints.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Where the assistant's words are, in templates that do not say. */
class PlacementTest {
    private static final String TURNS = "{% for m in messages %}{{ '<|' + m.role + '|>' }}";
    private static final List<Message> CHAT = List.of(
            Message.of("user", "a"),
            Message.of("assistant", " b\n"),
            Message.of("user", "b"),
            Message.of("assistant", "<think>hm</think>\n\nc"));

    private static List<String> answers(String template, List<Message> messages) {
        Rendered r = ChatTemplate.of(template, Map.of("eos_token", "</s>", "bos_token", "<s>"))
                .renderMarked(messages, false);
        return r.assistant().stream()
                .map(s -> r.text().substring(s.from(), s.to()))
                .toList();
    }

    @Test
    void wordsAsTheyAre() {
        assertThat(answers(TURNS + "{{ m.content }}<|end|>{% endfor %}", CHAT))
                .containsExactly(" b\n<|end|>", "<think>hm</think>\n\nc<|end|>");
    }

    @Test
    void strippedWords() {
        assertThat(answers(TURNS + "{{ m.content | trim }} </s>{% endfor %}", CHAT))
                .containsExactly("b </s>", "<think>hm</think>\n\nc </s>");
    }

    /** Thoughts that the template leaves out of the text are not in the mask; those that it writes are. */
    @Test
    void withoutThoughts() {
        String drops = "{{ m.content.split('</think>')[-1].lstrip('\\n') }}<|end|>\n{% endfor %}";
        assertThat(answers(TURNS + drops, CHAT)).containsExactly(" b\n<|end|>", "c<|end|>");
    }

    @Test
    void wordsOfParts() {
        Message parts = new Message(
                "assistant",
                List.of(
                        Map.of("type", "text", "text", "x"),
                        Map.of("type", "image"),
                        Map.of("type", "text", "text", "y")),
                Map.of());
        String template = TURNS
                + "{% for p in m.content %}{{ p.text if p.type == 'text' else '<i>' }}{% endfor %}</s>{% endfor %}";
        assertThat(answers(template, List.of(parts))).containsExactly("x<i>y</s>");
    }

    /** The end token stands behind every answer; what only ends the text, or opens the next turn, is none. */
    @Test
    void endTokens() {
        assertThat(answers(TURNS + "{{ m.content }}\n{% endfor %}", CHAT.subList(0, 3)))
                .containsExactly(" b\n");
        assertThat(answers(TURNS + "{{ m.content }}<|end|>\n{% endfor %}{{ eos_token }}", CHAT.subList(0, 2)))
                .containsExactly(" b\n<|end|>");
        assertThat(answers(
                        "{% for m in messages %}{{ m.content }}{% if m.role != 'user' %}</s>{% endif %}{% endfor %}",
                        CHAT))
                .containsExactly(" b\n</s>", "<think>hm</think>\n\nc</s>");
        assertThat(answers(TURNS + "{{ m.content }}</s>{% endfor %}", List.of(Message.of("assistant", ""))))
                .containsExactly("</s>");
    }

    @Test
    void whatCannotBeToldIsRefused() {
        for (String template : List.of(
                TURNS + "{{ m.content }}{{ m.content }}</s>{% endfor %}",
                TURNS + "{{ m.content | upper }}{{ m.content | length }}</s>{% endfor %}",
                TURNS + "{{ m.content }} END OF TURN\n{% endfor %}")) {
            assertThatThrownBy(() -> answers(template, CHAT.subList(0, 2)))
                    .as(template)
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("no way to tell where")
                    .hasMessageContaining("{% generation %}");
        }
    }

    @Test
    void marksThatOccurInTheWordsAreNotUsed() {
        List<Message> odd = List.of(Message.of("user", "\uE000"), Message.of("assistant", "x\uE001\uE000y"));
        assertThat(answers(TURNS + "{{ m.content }}</s>{% endfor %}", odd)).containsExactly("x\uE001\uE000y</s>");
    }
}
