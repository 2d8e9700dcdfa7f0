package dev.outrider.checkpoints;

import dev.outrider.checkpoints.tokenizer.GgufTokens;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** A model's tokenizer and chat template as GGUF metadata ({@code tokenizer.*}). */
public final class GgufVocabulary {
    static final String PREFIX = "tokenizer.", CHAT_TEMPLATE = "tokenizer.chat_template";
    private static final String GGML = "tokenizer.ggml.";

    private final Map<String, GgufValue> metadata;

    private GgufVocabulary(Map<String, GgufValue> metadata) {
        this.metadata = metadata;
    }

    /** Neither tokenizer nor template: a file that gives logits for ids, but that no server can talk to. */
    public static GgufVocabulary none() {
        return new GgufVocabulary(Map.of());
    }

    /**
     * A tokenizer, with the chat template that came with it.
     *
     * @throws Failure USAGE for a tokenizer that GGUF cannot express exactly
     */
    public static GgufVocabulary of(Tokenizer tokenizer) {
        GgufTokens tokens = GgufTokens.of(tokenizer);
        Map<String, GgufValue> own = new LinkedHashMap<>();
        own.put(GGML + "model", GgufValue.of(tokens.model()));
        own.put(GGML + "pre", GgufValue.of(tokens.pre()));
        own.put(GGML + "tokens", GgufValue.of(tokens.tokens()));
        tokens.scores().ifPresent(scores -> own.put(GGML + "scores", GgufValue.float32s(scores)));
        own.put(GGML + "token_type", GgufValue.int32s(tokens.types()));
        tokens.merges().ifPresent(merges -> own.put(GGML + "merges", GgufValue.of(merges)));
        id(own, "bos_token_id", tokens.bosId());
        id(own, "eos_token_id", tokens.eosId());
        id(own, "unknown_token_id", tokens.unknownId());
        id(own, "padding_token_id", tokens.padId());
        own.put(GGML + "add_bos_token", GgufValue.of(tokens.addsBos()));
        own.put(GGML + "add_eos_token", GgufValue.of(tokens.addsEos()));
        own.put(GGML + "add_space_prefix", GgufValue.of(tokens.spacePrefix()));
        if (tokens.collapse()) own.put(GGML + "remove_extra_whitespaces", GgufValue.of(true));
        return new GgufVocabulary(own).withTemplate(tokens.chatTemplate());
    }

    private static void id(Map<String, GgufValue> own, String key, int id) {
        if (id >= 0) own.put(GGML + key, GgufValue.uint32(id));
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
