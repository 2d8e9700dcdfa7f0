package dev.outrider.checkpoints;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** A model's tokenizer and chat template as GGUF metadata ({@code tokenizer.*}). */
public final class GgufVocabulary {
    static final String PREFIX = "tokenizer.", CHAT_TEMPLATE = "tokenizer.chat_template";
    private final Map<String, GgufValue> metadata;

    private GgufVocabulary(Map<String, GgufValue> metadata) {
        this.metadata = metadata;
    }

    /** Neither tokenizer nor template: a file that gives logits for ids, but that no server can talk to. */
    public static GgufVocabulary none() {
        return new GgufVocabulary(Map.of());
    }

    /** What a GGUF file has, as it is. */
    static GgufVocabulary of(GgufMetadata metadata) {
        Map<String, GgufValue> own = new LinkedHashMap<>();
        metadata.keys().stream().filter(k -> k.startsWith(PREFIX)).forEach(k -> own.put(k, metadata.value(k)));
        return new GgufVocabulary(own);
    }

    /** The same with another chat template, or with none. */
    public GgufVocabulary withTemplate(Optional<String> template) {
        Map<String, GgufValue> own = new LinkedHashMap<>(metadata);
        own.remove(CHAT_TEMPLATE);
        template.ifPresent(t -> own.put(CHAT_TEMPLATE, GgufValue.of(t)));
        return new GgufVocabulary(own);
    }

    Map<String, GgufValue> metadata() {
        return metadata;
    }
}
