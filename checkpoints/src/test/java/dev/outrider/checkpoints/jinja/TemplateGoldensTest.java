package dev.outrider.checkpoints.jinja;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.Shared;
import java.io.IOException;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.Map;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The constructs of published templates against transformers' Jinja. */
@Tag("goldens")
class TemplateGoldensTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @Test
    void rendersAsTransformers() throws IOException {
        SoftAssertions all = new SoftAssertions();
        for (Path file : Shared.files("chat/jinja", ".json")) {
            JsonNode cases = JSON.readTree(file.toFile());
            assertThat(cases).isNotEmpty();
            for (JsonNode c : cases) {
                String template = c.get("template").textValue();
                Map<String, Object> variables = JSON.convertValue(c.get("variables"), new TypeReference<>() {});
                all.assertThatCode(() -> assertThat(Template.parse(template)
                                        .render(variables, LocalDateTime.now())
                                        .text())
                                .isEqualTo(c.get("rendered").textValue()))
                        .as(template)
                        .doesNotThrowAnyException();
            }
        }
        all.assertAll();
    }
}
