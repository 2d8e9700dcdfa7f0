package dev.outrider.checkpoints.tokenizer;

import static dev.outrider.checkpoints.tokenizer.JsonSteps.step;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** The steps of a byte-level {@code tokenizer.json}: what {@link ByteLevelJson} reads. */
final class ByteLevelJsonWriter {
    private final ByteLevelBpe bpe;

    ByteLevelJsonWriter(ByteLevelBpe bpe) {
        this.bpe = bpe;
    }

    void write(ObjectNode root) {
        root.set("normalizer", bpe.composes() ? step("NFC") : root.nullNode());
        ObjectNode sequence = step("Sequence");
        ArrayNode steps = sequence.putArray("pretokenizers");
        for (Splitter splitter : bpe.splitters()) steps.add(split(splitter));
        steps.add(byteLevel());
        root.set("pre_tokenizer", sequence);
        root.set("decoder", byteLevel());
    }

    private static ObjectNode split(Splitter splitter) {
        ObjectNode split = step("Split");
        split.putObject("pattern").put("Regex", splitter.pattern());
        return split.put("behavior", "Isolated").put("invert", false);
    }

    private static ObjectNode byteLevel() {
        return step("ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", false)
                .put("use_regex", false);
    }
}
