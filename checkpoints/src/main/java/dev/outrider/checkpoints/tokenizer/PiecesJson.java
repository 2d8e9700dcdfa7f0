package dev.outrider.checkpoints.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outrider.checkpoints.tokenizer.Merges.Merge;
import dev.outrider.checkpoints.tokenizer.Vocabulary.Kind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Pieces, added tokens and merges of a {@code tokenizer.json}. */
final class PiecesJson {
    private final String file;
    private final JsonPlace root;
    private final JsonPlace model;
    private final boolean byteFallback;

    /** @param byteFallback whether pieces {@code <0xNN>} stand for bytes */
    PiecesJson(String file, JsonPlace root, boolean byteFallback) {
        this.file = file;
        this.root = root;
        this.model = root.at("model");
        this.byteFallback = byteFallback;
    }

    Vocabulary vocabulary() {
        JsonPlace vocab = model.at("vocab"), tokens = root.at("added_tokens");
        if (!vocab.node().isObject() && !vocab.node().isArray()) throw vocab.expected("an object from piece to id");
        int size = size(vocab, tokens);
        String[] pieces = new String[size];
        Kind[] kinds = new Kind[size];
        if (vocab.node().isObject()) byName(vocab, pieces, kinds);
        else inOrder(vocab, pieces, kinds);
        for (JsonPlace item : tokens.items()) {
            Kind kind = item.at("special").flag() ? Kind.CONTROL : Kind.DEFINED;
            place(item.at("id"), item.at("content").text(), kind, pieces, kinds);
        }
        int gap = Arrays.asList(pieces).indexOf(null);
        if (gap >= 0) throw vocab.unsupported("no piece with id " + gap, "ids 0 to " + (size - 1) + " without gaps");
        return new Vocabulary(file, List.of(pieces), List.of(kinds));
    }

    private void byName(JsonPlace vocab, String[] pieces, Kind[] kinds) {
        for (String piece : (Iterable<String>) vocab.node()::fieldNames) {
            place(vocab.at(piece), piece, kind(piece), pieces, kinds);
        }
    }

    // Unigram: a list of [piece, score].
    private void inOrder(JsonPlace vocab, String[] pieces, Kind[] kinds) {
        int id = 0;
        for (JsonPlace item : vocab.items()) {
            List<JsonPlace> pair = item.items();
            if (pair.size() != 2 || !pair.get(1).node().isNumber()) throw item.expected("[piece, score]");
            pieces[id] = pair.getFirst().text();
            kinds[id] = kind(pieces[id++]);
        }
    }

    /** The scores of a unigram model, checked by {@link #vocabulary}; those of added tokens are 0. */
    double[] scores(int size) {
        double[] scores = new double[size];
        int id = 0;
        for (JsonNode pair : model.at("vocab").node())
            scores[id++] = pair.get(1).doubleValue();
        return scores;
    }

    private static int size(JsonPlace vocab, JsonPlace tokens) {
        int size = 0, most = vocab.node().size() + tokens.node().size();
        if (vocab.node().isArray()) size = vocab.node().size();
        else for (JsonNode id : vocab.node()) size = Math.max(size, id.asInt() + 1);
        for (JsonPlace item : tokens.items())
            size = Math.max(size, item.at("id").integer() + 1);
        return Math.min(size, most);
    }

    private Kind kind(String piece) {
        return byteFallback && Vocabulary.byteOf(piece) >= 0 ? Kind.BYTE : Kind.NORMAL;
    }

    private static void place(JsonPlace id, String piece, Kind kind, String[] pieces, Kind[] kinds) {
        int at = id.integer();
        if (at < 0 || at >= pieces.length) throw id.expected("an id from 0 to " + (pieces.length - 1));
        if (pieces[at] != null && !pieces[at].equals(piece))
            throw id.expected("an id of its own, not \"" + pieces[at] + "\"'s");
        pieces[at] = piece;
        kinds[at] = kind;
    }

    /** The merges, each written as two pieces or as one text. */
    Merges merges(Vocabulary vocabulary) {
        List<Merge> list = new ArrayList<>();
        for (JsonPlace item : model.at("merges").items()) {
            String[] pair = pair(item);
            int left = piece(item, pair[0], vocabulary), right = piece(item, pair[1], vocabulary);
            list.add(new Merge(left, right, piece(item, pair[0] + pair[1], vocabulary), list.size()));
        }
        return new Merges(list);
    }

    private static String[] pair(JsonPlace merge) {
        String[] parts = merge.isText()
                ? merge.text().split(" ", -1)
                : merge.items().stream().map(JsonPlace::text).toArray(String[]::new);
        if (parts.length != 2) throw merge.expected("two pieces");
        return parts;
    }

    private static int piece(JsonPlace merge, String text, Vocabulary vocabulary) {
        int id = vocabulary.id(text);
        if (id < 0) throw merge.expected("pieces of the vocabulary; \"" + text + "\" is none");
        if (vocabulary.kind(id) == Kind.BYTE) throw merge.unsupported("a merge of byte pieces", "merges of text");
        return id;
    }
}
