package dev.outrider.checkpoints.tokenizer;

import static dev.outrider.checkpoints.tokenizer.JsonSteps.step;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.tokenizer.AddedTokens.Added;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** One writing of a {@code tokenizer.json} and its companions; see {@link TokenizerJson}. */
final class TokenizerJsonWriter {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final JsonNodeFactory NODES = JSON.getNodeFactory();

    private final Path directory;
    private final PieceTokenizer tokenizer;

    TokenizerJsonWriter(Path directory, PieceTokenizer tokenizer) {
        this.directory = directory;
        this.tokenizer = tokenizer;
    }

    void write() throws IOException {
        if (tokenizer.origin().copy(directory)) return;
        ObjectNode main = main();
        put(TokenizerJson.FILE, main);
        put("tokenizer_config.json", config());
        put("special_tokens_map.json", specials());
    }

    private void put(String name, ObjectNode content) throws IOException {
        JSON.writerWithDefaultPrettyPrinter().writeValue(directory.resolve(name).toFile(), content);
    }

    private Failure inexpressible(String found) {
        return Failure.usage(
                directory.resolve(TokenizerJson.FILE).toString(),
                found,
                "a tokenizer that tokenizer.json can express",
                "Copy tokenizer.model beside the model instead.");
    }

    private ObjectNode main() {
        ObjectNode root =
                NODES.objectNode().put("version", "1.0").putNull("truncation").putNull("padding");
        root.set("added_tokens", added());
        switch (tokenizer.model()) {
            case MarkedBpe bpe -> marked(bpe, root);
            case ByteLevelBpe bpe -> byteLevel(bpe, root);
            case Unigram unigram -> unigram(unigram, root);
        }
        root.set("post_processor", template());
        return root;
    }

    private void marked(MarkedBpe bpe, ObjectNode root) {
        spaces(bpe.spaces(), false, root);
        root.set("model", JsonSteps.bpe(tokenizer, bpe.merges(), true, false));
    }

    private void spaces(Spaces spaces, boolean split, ObjectNode root) {
        if (spaces.collapse()) throw inexpressible("spaces that are collapsed");
        if (!tokenizer.prepared().all().isEmpty()) throw inexpressible("tokens found after spaces are marked");
        new MarkedJsonWriter(spaces, split).write(root);
    }

    private void unigram(Unigram unigram, ObjectNode root) {
        Unigram.Options options = unigram.options();
        spaces(options.spaces(), options.wordsApart(), root);
        ObjectNode model = root.putObject("model").put("type", "Unigram");
        if (options.byteFallback()) model.putNull("unk_id");
        else model.put("unk_id", options.unknown());
        ArrayNode vocab = model.putArray("vocab");
        for (int id = 0; id < tokenizer.size(); id++) {
            vocab.addArray().add(tokenizer.piece(id)).add(unigram.score(id));
        }
        model.put("byte_fallback", options.byteFallback());
    }

    private void byteLevel(ByteLevelBpe bpe, ObjectNode root) {
        new ByteLevelJsonWriter(bpe).write(root);
        root.set("model", JsonSteps.bpe(tokenizer, bpe.merges(), false, bpe.wholeWords()));
    }

    private ArrayNode added() {
        ArrayNode list = NODES.arrayNode();
        tokens().forEach((a, normalized) ->
                list.add(token(a, normalized).put("id", a.id()).put("special", a.special())));
        return list;
    }

    // Each with whether it is found in prepared text.
    private Map<Added, Boolean> tokens() {
        Map<Added, Boolean> tokens = new LinkedHashMap<>();
        for (Added a : tokenizer.raw().all()) tokens.put(a, false);
        for (Added a : tokenizer.prepared().all()) tokens.put(a, true);
        return tokens;
    }

    private static ObjectNode token(Added a, boolean normalized) {
        return NODES.objectNode()
                .put("content", a.content())
                .put("single_word", a.word())
                .put("lstrip", a.leftStrip())
                .put("rstrip", a.rightStrip())
                .put("normalized", normalized);
    }

    private JsonNode template() {
        Ends ends = tokenizer.ends();
        if (!ends.addsBos() && !ends.addsEos()) return NODES.nullNode();
        ObjectNode template = step("TemplateProcessing");
        ArrayNode single = template.putArray("single"), pair = template.putArray("pair");
        around("A", 0, single);
        around("A", 0, pair);
        around("B", 1, pair);
        ObjectNode special = template.putObject("special_tokens");
        if (ends.addsBos()) special(ends.bos(), special);
        if (ends.addsEos()) special(ends.eos(), special);
        return template;
    }

    private void around(String text, int type, ArrayNode into) {
        Ends ends = tokenizer.ends();
        if (ends.addsBos()) part(into, "SpecialToken", tokenizer.piece(ends.bos()), type);
        part(into, "Sequence", text, type);
        if (ends.addsEos()) part(into, "SpecialToken", tokenizer.piece(ends.eos()), type);
    }

    private void special(int id, ObjectNode into) {
        String piece = tokenizer.piece(id);
        ObjectNode special = into.putObject(piece).put("id", piece);
        special.putArray("ids").add(id);
        special.putArray("tokens").add(piece);
    }

    private static void part(ArrayNode into, String kind, String id, int type) {
        into.addObject().putObject(kind).put("id", id).put("type_id", type);
    }

    private ObjectNode config() {
        ObjectNode config = NODES.objectNode().put("tokenizer_class", "PreTrainedTokenizerFast");
        ObjectNode decoder = config.putObject("added_tokens_decoder");
        tokens().forEach((a, normalized) ->
                decoder.set(String.valueOf(a.id()), token(a, normalized).put("special", a.special())));
        name(config);
        tokenizer.origin().chatTemplate().ifPresent(template -> config.put("chat_template", template));
        return config.put("add_bos_token", tokenizer.ends().addsBos())
                .put("add_eos_token", tokenizer.ends().addsEos())
                .put("clean_up_tokenization_spaces", false)
                .put("model_max_length", 1_000_000_000_000L);
    }

    private ObjectNode specials() {
        ObjectNode map = NODES.objectNode();
        name(map);
        return map;
    }

    private void name(ObjectNode into) {
        if (tokenizer.bosId() >= 0) into.put("bos_token", tokenizer.piece(tokenizer.bosId()));
        if (tokenizer.eosId() >= 0) into.put("eos_token", tokenizer.piece(tokenizer.eosId()));
        int pad = tokenizer.ends().pad();
        if (pad >= 0) into.put("pad_token", tokenizer.piece(pad));
        if (tokenizer.specialId("<unk>") >= 0) into.put("unk_token", "<unk>");
    }
}
