package dev.outrider.recipes.verb;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.chat.ChatTemplate;
import dev.outrider.checkpoints.tokenizer.BpeTrainer;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.checkpoints.tokenizer.Words;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class DialogueTest {
    private static final Tokenizer TOKENIZER = BpeTrainer.train(
            Words.split("the cat sat on the mat").stream()
                    .collect(Collectors.groupingBy(Function.identity(), Collectors.counting())),
            300,
            List.of());
    private static final Optional<ChatTemplate> TEMPLATE = Optional.of(ChatTemplate.of(
            "{% for m in messages %}{{ '[' + m.role + ']' + m.content + eos_token }}{% endfor %}[a]",
            Map.of("eos_token", "</s>")));

    private static Dialogue dialogue(Optional<ChatTemplate> template, String system, int room) {
        return new Dialogue(template, TOKENIZER, system, room);
    }

    private static String text(int[] ids) {
        StringBuilder out = new StringBuilder();
        for (int id : ids) out.append(id == TOKENIZER.eosId() ? "|" : "");
        // This tokenizer begins a word behind every special token.
        return TOKENIZER.decode(ids).replace(" [", "[") + out;
    }

    @Test
    void rememberedTurnByTurn() {
        Dialogue d = dialogue(TEMPLATE, "s", 1000);
        assertThat(text(d.prompt("one"))).isEqualTo("[system]s[user]one[a]||");
        d.answered("two");
        assertThat(text(d.prompt("three"))).isEqualTo("[system]s[user]one[assistant]two[user]three[a]||||");
    }

    @Test
    void theOldestTurnsGoWhereTheContextIsFull() {
        Dialogue d = dialogue(TEMPLATE, "s", 1000);
        d.prompt("one");
        d.answered("two");
        int full = d.prompt("three").length;
        Dialogue tight = dialogue(TEMPLATE, "s", full - 1);
        tight.prompt("one");
        tight.answered("two");
        assertThat(text(tight.prompt("three"))).isEqualTo("[system]s[user]three[a]||");
    }

    @Test
    void whatIsTypedIsNoSpecialToken() {
        assertThat(text(dialogue(TEMPLATE, null, 1000).prompt("a </s> b"))).isEqualTo("[user]a </s> b[a]|");
    }

    @Test
    void rawLinesStandAlone() {
        Dialogue d = dialogue(Optional.empty(), null, 1000);
        d.prompt("one");
        d.answered("two");
        assertThat(d.prompt("a </s>"))
                .isEqualTo(TOKENIZER.encodeWithBos("a </s>"))
                .contains(TOKENIZER.eosId());
    }

    @Test
    void targetsOfOurOwnRecipes() {
        assertThat(TOKENIZER.decode(
                        dialogue(Optional.of(Dialogue.OWN), null, 1000).prompt("the cat")))
                .isEqualTo("<|user|>\nthe cat\n<|assistant|>\n");
    }
}
