package dev.outrider.checkpoints.tokenizer;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** Parts that several kinds of {@code tokenizer.json} have in common, as they are written. */
final class JsonSteps {
    static final String MARK = String.valueOf(Spaces.MARK);

    private JsonSteps() {}

    static ObjectNode step(String type) {
        return JsonNodeFactory.instance.objectNode().put("type", type);
    }

    static ObjectNode replace(String from, String to) {
        ObjectNode step = step("Replace");
        step.putObject("pattern").put("String", from);
        return step.put("content", to);
    }

    /** The model member of byte-pair encoding. */
    static ObjectNode bpe(PieceTokenizer tokenizer, Merges merges, boolean byteFallback, boolean wholeWords) {
        String unknown = byteFallback && tokenizer.specialId("<unk>") >= 0 ? "<unk>" : null;
        ObjectNode model = step("BPE").putNull("dropout").put("unk_token", unknown);
        model.putNull("continuing_subword_prefix").putNull("end_of_word_suffix");
        model.put("fuse_unk", byteFallback).put("byte_fallback", byteFallback).put("ignore_merges", wholeWords);
        ObjectNode vocab = model.putObject("vocab");
        for (int id = 0; id < tokenizer.size(); id++) vocab.put(tokenizer.piece(id), id);
        ArrayNode pairs = model.putArray("merges");
        for (Merges.Merge m : merges.list()) {
            // A character that is no piece cannot be named; its bytes stand for it here.
            if (m.left() < 0 || m.right() < 0) continue;
            pairs.addArray().add(tokenizer.piece(m.left())).add(tokenizer.piece(m.right()));
        }
        return model;
    }
}
