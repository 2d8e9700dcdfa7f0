package dev.outrider.checkpoints.tokenizer;

import dev.outrider.checkpoints.tokenizer.AddedTokens.Added;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** One reading of a {@code tokenizer.json}; see {@link TokenizerJson}. */
final class TokenizerJsonReader {
    private final Path file;
    private final Origin origin;
    private final JsonPlace root;
    private final JsonPlace model;

    TokenizerJsonReader(Path file) {
        this.file = file;
        this.origin = Origin.json(file);
        this.root = JsonPlace.read(file);
        this.model = root.at("model");
    }

    Tokenizer read() {
        String type = model.at("type").textOr(model.at("merges").absent() ? "none" : "BPE");
        return switch (type) {
            case "BPE" -> bytePairs();
            case "Unigram" -> unigram();
            default -> throw model.unsupported("model type " + type, "BPE or Unigram");
        };
    }

    private Tokenizer bytePairs() {
        for (String key : List.of("dropout", "continuing_subword_prefix", "end_of_word_suffix")) {
            JsonPlace option = model.at(key);
            boolean off = option.absent()
                    || option.node().asText().isEmpty()
                    || option.node().asDouble(1) == 0;
            if (!off) throw option.unsupported(key + " " + option.node(), "none");
        }
        return ByteLevelJson.is(root) ? byteLevel() : marked();
    }

    private Tokenizer byteLevel() {
        if (model.at("byte_fallback").flag()) {
            throw model.at("byte_fallback").unsupported("byte fallback beside a byte-level step", "false");
        }
        PiecesJson pieces = new PiecesJson(file.toString(), root, false);
        Vocabulary vocabulary = pieces.vocabulary();
        ByteLevelBpe bpe = new ByteLevelJson(root).model(vocabulary, pieces.merges(vocabulary));
        return tokenizer(vocabulary, bpe, new EndsJson(file, root).read(vocabulary, "", ""));
    }

    private Tokenizer marked() {
        if (!model.at("byte_fallback").flag()) {
            throw model.at("byte_fallback").unsupported("no byte fallback", "byte_fallback true, or a byte-level step");
        }
        if (model.at("ignore_merges").flag()) {
            throw model.at("ignore_merges").unsupported("ignore_merges true", "false without a byte-level step");
        }
        Spaces spaces = new SpacesJson(root, false).read();
        PiecesJson pieces = new PiecesJson(file.toString(), root, true);
        Vocabulary vocabulary = pieces.vocabulary();
        vocabulary.requireBytes(file.toString());
        Model bpe = new MarkedBpe(vocabulary, pieces.merges(vocabulary), spaces);
        return tokenizer(vocabulary, bpe, new EndsJson(file, root).read(vocabulary, "<s>", "</s>"));
    }

    private Tokenizer unigram() {
        boolean bytes = model.at("byte_fallback").flag();
        PiecesJson pieces = new PiecesJson(file.toString(), root, bytes);
        Vocabulary vocabulary = pieces.vocabulary();
        if (bytes) vocabulary.requireBytes(file.toString());
        int unknown = bytes ? -1 : model.at("unk_id").integer();
        if (unknown >= vocabulary.size()) throw model.at("unk_id").expected("an id of the vocabulary");
        SpacesJson spaces = new SpacesJson(root, true);
        Unigram.Options options = new Unigram.Options(spaces.read(), unknown, spaces.splits());
        Model unigram = new Unigram(vocabulary, pieces.scores(vocabulary.size()), options);
        return tokenizer(vocabulary, unigram, new EndsJson(file, root).read(vocabulary, "<s>", "</s>"));
    }

    private Tokenizer tokenizer(Vocabulary vocabulary, Model prepares, Ends ends) {
        List<Added> raw = new ArrayList<>(), prepared = new ArrayList<>();
        for (JsonPlace item : root.at("added_tokens").items()) {
            Added token = added(item);
            if (item.at("normalized").flag()) prepared.add(prepared(token, prepares));
            else raw.add(token);
        }
        return new PieceTokenizer(vocabulary, prepares, new AddedTokens(raw), new AddedTokens(prepared), ends, origin);
    }

    private static Added added(JsonPlace item) {
        return added(item, item.at("id").integer());
    }

    /** A token as tokenizer.json and tokenizer_config.json describe it. */
    static Added added(JsonPlace item, int id) {
        String content = item.at("content").text();
        if (content.isEmpty()) throw item.expected("content");
        return new Added(
                id,
                content,
                item.at("special").flag(),
                item.at("lstrip").flag(),
                item.at("rstrip").flag(),
                item.at("single_word").flag());
    }

    private static Added prepared(Added a, Model model) {
        Stretch content = Stretch.of(a.content(), 0, a.content().length());
        String text = model.prepare(content, true).text();
        return new Added(a.id(), text, a.special(), a.leftStrip(), a.rightStrip(), a.word());
    }
}
