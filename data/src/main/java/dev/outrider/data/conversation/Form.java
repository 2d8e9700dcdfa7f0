package dev.outrider.data.conversation;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outrider.checkpoints.Failure;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** The forms that conversations are published in. */
public enum Form {
    /**
     * {@code conversations: [{from: human, value: ..}, {from: gpt, ..}]}; with {@code image}, a name or a list of them, it is
     * LLaVA's.
     */
    SHAREGPT,
    /** {@code messages: [{role: user, content: ..}, ..]}, as OpenAI's API has it. */
    MESSAGES,
    /** {@code instruction}, perhaps {@code input}, and {@code output}. */
    ALPACA,
    /** {@code prompt} and {@code response} (or completion, answer, output, text); without one it is a prompt. */
    PROMPT_RESPONSE,
    /** {@code turns: [..]} of the user, as in MT-bench and Spec-Bench: a prompt, the first of them. */
    TURNS,
    /** {@code input_ids} and {@code loss_mask}. */
    TOKENS,
    /**
     * COCO's captions: one object with {@code images} and {@code annotations}, a conversation a caption; or rows of
     * {@code image} and {@code caption}.
     */
    COCO,
    /** ScienceQA's problems.json: one object with a problem under each id; or problems as rows. */
    SCIENCEQA,
    /**
     * NLVR's statements: {@code sentence}, {@code label}, {@code identifier}, {@code directory}; six pictures a row, and a
     * question about each, or two where the statement is true.
     */
    NLVR;

    /** What the row looks like. */
    static Optional<Form> of(JsonNode row) {
        if (row.has("input_ids")) return Optional.of(TOKENS);
        if (row.has("messages")) return Optional.of(MESSAGES);
        if (row.has("conversations") || row.has("conversation")) return Optional.of(SHAREGPT);
        if (row.has("instruction")) return Optional.of(ALPACA);
        if (row.has("prompt")) return Optional.of(PROMPT_RESPONSE);
        if (row.has("turns")) return Optional.of(TURNS);
        if (row.has("question") && row.has("choices")) return Optional.of(SCIENCEQA);
        if (row.has("sentence") && row.has("identifier")) return Optional.of(NLVR);
        return row.has("image") && row.has("caption") ? Optional.of(COCO) : Optional.empty();
    }

    /** @throws Failure USAGE for a name that is none */
    public static Form named(String name) {
        return Arrays.stream(values())
                .filter(f -> f.key().equals(name) || name.equals("llava") && f == SHAREGPT)
                .findFirst()
                .orElseThrow(() -> Failure.usage(
                        "form '" + name + "'",
                        "no such form of conversations",
                        Arrays.stream(values()).map(Form::key).collect(Collectors.joining(", ")) + ", llava",
                        "Choose one of these, or leave it out: then it is found by looking."));
    }

    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }
}
