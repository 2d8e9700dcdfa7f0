package dev.outrider.recipes.verb;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.chat.ChatTemplate;
import dev.outrider.checkpoints.tokenizer.BpeTrainer;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.checkpoints.tokenizer.Words;
import dev.outrider.decode.model.Picture;
import java.util.Arrays;
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

    private static long pictures(int[] ids) {
        return Arrays.stream(ids).filter(Picture::isPlaceholder).count();
    }

    @Test
    void picturesStandBeforeTheFirstQuestion() {
        Dialogue d = dialogue(TEMPLATE, "s", 1000);
        int[] ids = d.prompt("what is <image> ?", 2);
        assertThat(Arrays.stream(ids).filter(Picture::isPlaceholder).toArray()).containsExactly(-1, -2);
        assertThat(text(Picture.left(ids))).startsWith("[system]s[user]").contains("what is < image > ?");
        d.answered("a cat");
        assertThat(pictures(d.prompt("and <image> ?")))
                .as("still seen, and not more")
                .isEqualTo(2);
    }

    @Test
    void aTemplateThatTakesPartsGetsParts() {
        Dialogue d = dialogue(
                Optional.of(ChatTemplate.of(
                        "{% for m in messages %}{% for c in m.content %}{% if c.type == 'image' %}<image>{% elif c.type == 'text' %}"
                                + "{{ c.text }}{% endif %}{% endfor %}{% endfor %}",
                        Map.of())),
                null,
                1000);
        int[] ids = d.prompt("the cat", 1);
        assertThat(Arrays.stream(ids).filter(Picture::isPlaceholder).toArray()).containsExactly(-1);
        assertThat(TOKENIZER.decode(Picture.left(ids)).strip()).isEqualTo("the cat");
    }

    @Test
    void whatIsTypedWithoutPicturesStaysText() {
        assertThat(text(dialogue(TEMPLATE, null, 1000).prompt("a <image> b"))).contains("a <image> b");
    }

    @Test
    void aPictureCountsAsItsRows() {
        Dialogue d = new Dialogue(TEMPLATE, TOKENIZER, null, 400, ids -> ids.length + 500 * (int) pictures(ids));
        d.prompt("one", 1);
        d.answered("two");
        assertThat(pictures(d.prompt("three"))).as("its turn went").isZero();
    }
}
