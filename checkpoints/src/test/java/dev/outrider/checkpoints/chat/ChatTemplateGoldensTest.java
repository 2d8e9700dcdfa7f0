package dev.outrider.checkpoints.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Shared;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Published templates against transformers' apply_chat_template. */
@Tag("goldens")
class ChatTemplateGoldensTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    private interface Check {
        void accept(JsonNode style, JsonNode c) throws IOException;
    }

    private static void cases(Check check) throws IOException {
        List<Path> files = Shared.files("chat", ".json");
        assertThat(files).isNotEmpty();
        for (Path file : files) {
            JsonNode style = JSON.readTree(file.toFile());
            assertThat(style.get("cases")).isNotEmpty();
            for (JsonNode c : style.get("cases")) check.accept(style, c);
        }
    }

    private static ChatTemplate template(JsonNode style, String key) {
        return ChatTemplate.of(
                style.get(key).textValue(), JSON.convertValue(style.get("special_tokens"), new TypeReference<>() {}));
    }

    private static List<Message> messages(JsonNode c) {
        List<Message> out = new ArrayList<>();
        for (JsonNode m : c.get("messages")) {
            out.add(Message.of(JSON.convertValue(m, new TypeReference<Map<String, Object>>() {})));
        }
        return out;
    }

    private static boolean prompt(JsonNode c) {
        return c.get("add_generation_prompt").booleanValue();
    }

    private static void renders(ChatTemplate template, JsonNode c) {
        if (c.has("error")) {
            assertThatThrownBy(() -> template.render(messages(c), prompt(c)))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining(template.place() + ", line ")
                    .hasMessageContaining(c.get("error").textValue());
        } else {
            assertThat(template.render(messages(c), prompt(c)))
                    .as(c.get("name").textValue())
                    .isEqualTo(c.get("rendered").textValue());
        }
    }

    @Test
    void textsAndErrorsAgree() throws IOException {
        cases((style, c) -> {
            renders(template(style, "template"), c);
            if (style.hasNonNull("template_published")) renders(template(style, "template_published"), c);
        });
    }

    @Test
    void foundBesideTheTokenizer() throws IOException {
        for (Path folder : Shared.cases("chat")) {
            if (folder.endsWith("jinja")) continue;
            Path file = folder.resolveSibling(folder.getFileName() + ".json");
            for (JsonNode c : JSON.readTree(file.toFile()).get("cases")) {
                renders(ChatTemplate.find(folder).orElseThrow(), c);
            }
        }
    }

    /** The answers' places are those of the template with marks, found without them. */
    @Test
    void answersAreFoundWithoutMarks() throws IOException {
        cases((style, c) -> {
            if (!style.hasNonNull("template_published") || c.has("error")) return;
            Rendered marked = template(style, "template").renderMarked(messages(c), prompt(c));
            Rendered found = template(style, "template_published").renderMarked(messages(c), prompt(c));
            assertThat(found).as(c.get("name").textValue()).isEqualTo(marked);
        });
    }

    @Test
    void namedOnesAreTheSame() throws IOException {
        cases((style, c) -> {
            for (String name : ChatTemplate.names()) {
                ChatTemplate own = ChatTemplate.named(name);
                if (!style.get("template").equals(similar(name))) continue;
                renders(own, c);
                if (c.has("error")) continue;
                assertThat(own.renderMarked(messages(c), prompt(c)))
                        .isEqualTo(template(style, "template").renderMarked(messages(c), prompt(c)));
            }
        });
    }

    // The fixture of that style, whatever its file is called.
    private static JsonNode similar(String name) throws IOException {
        Path file = Shared.golden("chat/" + name.replace('-', '_') + ".json");
        return file.toFile().exists() ? JSON.readTree(file.toFile()).get("template") : JSON.nullNode();
    }
}
