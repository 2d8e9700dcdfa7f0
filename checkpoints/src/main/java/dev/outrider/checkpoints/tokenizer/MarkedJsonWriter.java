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
    private final boolean split;

    /** @param split whether every space begins a stretch of its own */
    MarkedJsonWriter(Spaces spaces, boolean split) {
        this.spaces = spaces;
        this.split = split;
    }

    void write(ObjectNode root) {
        String scheme = switch (spaces.prefix()) {
            case FIRST_UNLESS_SPACE -> "first";
            case EVERY_UNLESS_SPACE -> "always";
            case EVERY, NEVER -> "never";
        };
        boolean marks = !scheme.equals("never");
        root.set("normalizer", marks ? root.nullNode() : normalizer());
        root.set("pre_tokenizer", marks || split ? metaspace(scheme) : root.nullNode());
        root.set("decoder", decoder());
    }

    private ObjectNode normalizer() {
        ObjectNode sequence = step("Sequence");
        ArrayNode steps = sequence.putArray("normalizers");
        if (spaces.prefix() == Prefix.EVERY) steps.add(step("Prepend").put("prepend", MARK));
        steps.add(replace(" ", MARK));
        return sequence;
    }

    private ObjectNode metaspace(String scheme) {
        return step("Metaspace")
                .put("replacement", MARK)
                .put("prepend_scheme", scheme)
                .put("split", split);
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
