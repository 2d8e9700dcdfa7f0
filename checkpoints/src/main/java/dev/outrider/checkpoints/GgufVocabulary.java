package dev.outrider.checkpoints;

import dev.outrider.checkpoints.tokenizer.GgufTokens;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** A model's tokenizer and chat template as GGUF metadata ({@code tokenizer.*}). */
public final class GgufVocabulary {
    static final String PREFIX = "tokenizer.", CHAT_TEMPLATE = "tokenizer.chat_template";
    private static final String GGML = "tokenizer.ggml.";

    private static final int UNUSED = 5;

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

    /**
     * The same for a model: the tokens that its configuration says begin and end a text, and a token for every row
     * of its embedding, as llama.cpp asks; those beyond the tokenizer's stand for nothing.
     */
    GgufVocabulary of(ModelConfig config) {
        if (!(metadata.get(GGML + "tokens") instanceof GgufValue.Texts tokens)) return this;
        Map<String, GgufValue> own = new LinkedHashMap<>(metadata);
        List<Integer> ends = config.eosIds();
        id(own, "bos_token_id", config.bosId());
        id(own, "eos_token_id", ends.isEmpty() ? -1 : ends.getFirst());
        id(own, "eot_token_id", ends.size() < 2 ? -1 : ends.get(1));
        id(own, "padding_token_id", config.padId());
        fill(own, tokens.values().size(), config.vocabSize());
        return new GgufVocabulary(own);
    }

    private static void fill(Map<String, GgufValue> own, int size, int rows) {
        if (size > rows) {
            throw Failure.usage(
                    "tokenizer for GGUF",
                    size + " tokens for a vocabulary of " + rows,
                    "at most as many tokens as the model has rows",
                    "Use the tokenizer that the model was trained with.");
        }
        if (own.get(GGML + "tokens") instanceof GgufValue.Texts tokens) {
            Stream<String> unused = IntStream.range(size, rows).mapToObj(id -> "[PAD" + id + "]");
            own.put(
                    GGML + "tokens",
                    new GgufValue.Texts(
                            Stream.concat(tokens.values().stream(), unused).toList()));
        }
        if (own.get(GGML + "token_type") instanceof GgufValue.Wholes types) {
            long[] all = Arrays.copyOf(types.values(), rows);
            Arrays.fill(all, size, rows, UNUSED);
            own.put(GGML + "token_type", new GgufValue.Wholes(types.kind(), all));
        }
        if (own.get(GGML + "scores") instanceof GgufValue.Reals scores) {
            double[] all = Arrays.copyOf(scores.values(), rows);
            Arrays.fill(all, size, rows, -1000);
            own.put(GGML + "scores", new GgufValue.Reals(scores.kind(), all));
        }
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
