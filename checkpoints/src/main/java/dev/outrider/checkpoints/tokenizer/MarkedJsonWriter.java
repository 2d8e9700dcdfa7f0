package dev.outrider.checkpoints.tokenizer;

import static dev.outrider.checkpoints.tokenizer.JsonSteps.MARK;
import static dev.outrider.checkpoints.tokenizer.JsonSteps.replace;
import static dev.outrider.checkpoints.tokenizer.JsonSteps.step;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.outrider.checkpoints.tokenizer.Spaces.Prefix;

/** The treatment of spaces in a {@code tokenizer.json}: what {@link SpacesJson} reads. */
final class MarkedJsonWriter {
    private final Spaces spaces;

    MarkedJsonWriter(Spaces spaces) {
        this.spaces = spaces;
    }

    void write(ObjectNode root) {
        boolean first = spaces.prefix() == Prefix.FIRST_UNLESS_SPACE;
        boolean unless = first || spaces.prefix() == Prefix.EVERY_UNLESS_SPACE;
        root.set("normalizer", unless ? root.nullNode() : normalizer());
        root.set("pre_tokenizer", unless ? metaspace(first ? "first" : "always") : root.nullNode());
        root.set("decoder", decoder());
    }

    private ObjectNode normalizer() {
        ObjectNode sequence = step("Sequence");
        ArrayNode steps = sequence.putArray("normalizers");
        if (spaces.prefix() == Prefix.EVERY) steps.add(step("Prepend").put("prepend", MARK));
        steps.add(replace(" ", MARK));
        return sequence;
    }

    private static ObjectNode metaspace(String scheme) {
        return step("Metaspace")
                .put("replacement", MARK)
                .put("prepend_scheme", scheme)
                .put("split", false);
    }

    private ObjectNode decoder() {
        ObjectNode sequence = step("Sequence");
        ArrayNode steps = sequence.putArray("decoders");
        steps.add(replace(MARK, " ")).add(step("ByteFallback")).add(step("Fuse"));
        if (spaces.strip()) {
            steps.add(step("Strip").put("content", " ").put("start", 1).put("stop", 0));
        }
        return sequence;
    }
}
