package dev.outrider.checkpoints.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Seeds;
import java.util.List;
import org.junit.jupiter.api.Test;

class WordsTest {
    @Test
    void cutsWhereSortsOfCharactersMeet() {
        assertThat(Words.split("The cat, 42  (big)\nno."))
                .isEqualTo(List.of(
                        "\u2581The",
                        "\u2581cat",
                        ",",
                        "\u2581",
                        "4",
                        "2",
                        "\u2581",
                        "\u2581(",
                        "big",
                        ")",
                        "\n",
                        "no",
                        "."));
        assertThat(Words.split("")).isEmpty();
    }

    @Test
    void losesNothing() {
        Seeds.run(100, random -> {
            StringBuilder text = new StringBuilder("x");
            for (int n = random.nextInt(40); n > 0; n--) text.append("ab 1,\n\u00e9\u4e2d".charAt(random.nextInt(8)));
            assertThat(String.join("", Words.split(text.toString())))
                    .isEqualTo(Spaces.LLAMA.escape(text.toString(), true));
        });
    }
}
