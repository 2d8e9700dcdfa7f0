package dev.outrider.checkpoints.chat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.DiskFailures;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.GgufMetadata;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Where a model's chat template lies, and the special tokens it may name. */
final class TemplateFiles {
    private static final String JINJA = ChatTemplate.FILE,
            CONFIG = "tokenizer_config.json",
            PROCESSOR = "chat_template.json",
            SPECIALS = "special_tokens_map.json",
            KEY = "chat_template",
            DEFAULT = "default";
    private static final String GGUF = ".gguf", GGUF_KEY = "tokenizer.chat_template", GGML = "tokenizer.ggml.";
    private static final int CONTROL = 3;
    private static final Map<String, String> GGUF_SPECIALS = Map.of(
            "bos_token_id", "bos_token",
            "eos_token_id", "eos_token",
            "unknown_token_id", "unk_token",
            "padding_token_id", "pad_token");
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final Path model;
    private final Map<String, String> named = new LinkedHashMap<>();
    private final Set<String> specials = new LinkedHashSet<>();

    TemplateFiles(Path model) {
        this.model = model;
    }

    Optional<ChatTemplate> find() {
        if (Files.isDirectory(model)) return directory();
        return model.toString().endsWith(GGUF) ? gguf() : Optional.empty();
    }

    private Optional<ChatTemplate> directory() {
        JsonNode config = json(CONFIG);
        nameAll(json(SPECIALS));
        nameAll(config);
        Path own = model.resolve(JINJA);
        if (Files.exists(own)) return Optional.of(template(own.toString(), text(own)));
        if (!config.path(KEY).isMissingNode()) return chosen(model.resolve(CONFIG), config.path(KEY));
        return chosen(model.resolve(PROCESSOR), json(PROCESSOR).path(KEY));
    }

    private ChatTemplate template(String place, String jinja) {
        return ChatTemplate.of(place, jinja, named, specials);
    }

    // One template, or a list of them with names.
    private Optional<ChatTemplate> chosen(Path file, JsonNode found) {
        if (found.isMissingNode() || found.isNull()) return Optional.empty();
        if (found.isTextual()) return Optional.of(template(file + ", " + KEY, found.textValue()));
        Map<String, String> byName = new LinkedHashMap<>();
        found.forEach(
                t -> byName.put(t.path("name").asText(), t.path("template").asText()));
        String name = byName.size() == 1 ? byName.keySet().iterator().next() : DEFAULT;
        if (byName.containsKey(name)) return Optional.of(template(file + ", " + KEY + " " + name, byName.get(name)));
        throw Failure.data(
                file + ", " + KEY,
                byName.isEmpty() ? "no template" : "templates named " + String.join(", ", byName.keySet()),
                "a template, or several of which one is named " + DEFAULT,
                "Write the one to use into " + JINJA + " beside it.");
    }

    // bos_token and its like: text, or an object with the text as content.
    private void nameAll(JsonNode config) {
        config.properties().forEach(member -> {
            JsonNode value = member.getValue().isObject() ? member.getValue().path("content") : member.getValue();
            if (member.getKey().endsWith("_token") && value.isTextual()) named.put(member.getKey(), value.textValue());
        });
        config.path("added_tokens_decoder").forEach(token -> {
            if (token.path("special").asBoolean())
                specials.add(token.path("content").asText());
        });
        specials.addAll(named.values());
    }

    private JsonNode json(String name) {
        Path file = model.resolve(name);
        if (!Files.exists(file)) return MAPPER.createObjectNode();
        try {
            JsonNode node = MAPPER.readTree(text(file));
            if (node.isObject()) return node;
            throw Failure.data(file.toString(), "no JSON object", "a JSON object", "Get the file again.");
        } catch (JsonProcessingException e) {
            int line = e.getLocation() == null ? 0 : e.getLocation().getLineNr();
            throw Failure.data(file + ", line " + line, e.getOriginalMessage(), "JSON", "Get the file again.");
        }
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw DiskFailures.reading(file, e);
        }
    }

    private Optional<ChatTemplate> gguf() {
        GgufMetadata metadata = GgufMetadata.read(model);
        Optional<String> jinja = metadata.text(GGUF_KEY);
        if (jinja.isEmpty()) return Optional.empty();
        List<String> tokens = metadata.strings(GGML + "tokens").orElse(List.of());
        GGUF_SPECIALS.forEach((key, name) -> metadata.integer(GGML + key)
                .filter(id -> id >= 0 && id < tokens.size())
                .ifPresent(id -> named.put(name, tokens.get(id))));
        int[] types = metadata.integers(GGML + "token_type").orElse(new int[0]);
        for (int i = 0; i < Math.min(types.length, tokens.size()); i++) {
            if (types[i] == CONTROL) specials.add(tokens.get(i));
        }
        return Optional.of(template(model + ", " + GGUF_KEY, jinja.get()));
    }
}
