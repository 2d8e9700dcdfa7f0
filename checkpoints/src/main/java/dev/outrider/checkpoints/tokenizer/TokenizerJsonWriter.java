package dev.outrider.checkpoints.tokenizer;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.tokenizer.AddedTokens.Added;
import dev.outrider.checkpoints.tokenizer.Merges.Merge;
import dev.outrider.checkpoints.tokenizer.Spaces.Prefix;
import java.io.IOException;
import java.nio.file.Path;

/** One writing of a {@code tokenizer.json} and its companions; see {@link TokenizerJson}. */
final class TokenizerJsonWriter {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final JsonNodeFactory NODES = JSON.getNodeFactory();
    private static final String MARK = String.valueOf(Spaces.MARK);

    private final Path directory;
    private final BpeTokenizer tokenizer;

    TokenizerJsonWriter(Path directory, BpeTokenizer tokenizer) {
        this.directory = directory;
        this.tokenizer = tokenizer;
    }

    void write() throws IOException {
        if (tokenizer.spaces().collapse()) throw inexpressible("spaces that are collapsed");
        if (!tokenizer.marked().all().isEmpty()) throw inexpressible("tokens found after spaces are marked");
        put(TokenizerJson.FILE, main());
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
        boolean first = tokenizer.spaces().prefix() == Prefix.FIRST_UNLESS_SPACE;
        boolean unless = first || tokenizer.spaces().prefix() == Prefix.EVERY_UNLESS_SPACE;
        ObjectNode root =
                NODES.objectNode().put("version", "1.0").putNull("truncation").putNull("padding");
        root.set("added_tokens", added());
        root.set("normalizer", unless ? NODES.nullNode() : normalizer());
        root.set("pre_tokenizer", unless ? metaspace(first ? "first" : "always") : NODES.nullNode());
        root.set("post_processor", tokenizer.bosId() < 0 ? NODES.nullNode() : template());
        root.set("decoder", decoder());
        root.set("model", model());
        return root;
    }

    private ArrayNode added() {
        ArrayNode list = NODES.arrayNode();
        for (Added a : tokenizer.raw().all())
            list.add(token(a).put("id", a.id()).put("special", a.special()));
        return list;
    }

    private static ObjectNode token(Added a) {
        return NODES.objectNode()
                .put("content", a.content())
                .put("single_word", a.word())
                .put("lstrip", a.leftStrip())
                .put("rstrip", a.rightStrip())
                .put("normalized", false);
    }

    private ObjectNode normalizer() {
        ObjectNode sequence = type("Sequence");
        ArrayNode steps = sequence.putArray("normalizers");
        if (tokenizer.spaces().prefix() == Prefix.EVERY)
            steps.add(type("Prepend").put("prepend", MARK));
        steps.add(replace(" ", MARK));
        return sequence;
    }

    private static ObjectNode metaspace(String scheme) {
        return type("Metaspace")
                .put("replacement", MARK)
                .put("prepend_scheme", scheme)
                .put("split", false);
    }

    private ObjectNode template() {
        String bos = tokenizer.piece(tokenizer.bosId());
        ObjectNode template = type("TemplateProcessing");
        ArrayNode single = template.putArray("single"), pair = template.putArray("pair");
        part(single, "SpecialToken", bos, 0);
        part(single, "Sequence", "A", 0);
        pair.addAll(single.deepCopy());
        part(pair, "SpecialToken", bos, 1);
        part(pair, "Sequence", "B", 1);
        ObjectNode special = template.putObject("special_tokens").putObject(bos).put("id", bos);
        special.putArray("ids").add(tokenizer.bosId());
        special.putArray("tokens").add(bos);
        return template;
    }

    private static void part(ArrayNode into, String kind, String id, int type) {
        into.addObject().putObject(kind).put("id", id).put("type_id", type);
    }

    private ObjectNode decoder() {
        ObjectNode sequence = type("Sequence");
        ArrayNode steps = sequence.putArray("decoders");
        steps.add(replace(MARK, " ")).add(type("ByteFallback")).add(type("Fuse"));
        if (tokenizer.spaces().strip()) {
            steps.add(type("Strip").put("content", " ").put("start", 1).put("stop", 0));
        }
        return sequence;
    }

    private ObjectNode model() {
        String unknown = tokenizer.specialId("<unk>") < 0 ? null : "<unk>";
        ObjectNode model = type("BPE").putNull("dropout").put("unk_token", unknown);
        model.putNull("continuing_subword_prefix").putNull("end_of_word_suffix");
        model.put("fuse_unk", true).put("byte_fallback", true).put("ignore_merges", false);
        ObjectNode vocab = model.putObject("vocab");
        for (int id = 0; id < tokenizer.size(); id++) vocab.put(tokenizer.piece(id), id);
        ArrayNode merges = model.putArray("merges");
        for (Merge m : tokenizer.merges().list()) {
            // A character that is no piece cannot be named; its bytes stand for it here.
            if (m.left() < 0 || m.right() < 0) continue;
            merges.addArray().add(tokenizer.piece(m.left())).add(tokenizer.piece(m.right()));
        }
        return model;
    }

    private static ObjectNode type(String type) {
        return NODES.objectNode().put("type", type);
    }

    private static ObjectNode replace(String from, String to) {
        ObjectNode step = type("Replace");
        step.putObject("pattern").put("String", from);
        return step.put("content", to);
    }

    private ObjectNode config() {
        ObjectNode config = NODES.objectNode().put("tokenizer_class", "PreTrainedTokenizerFast");
        ObjectNode decoder = config.putObject("added_tokens_decoder");
        for (Added a : tokenizer.raw().all()) {
            decoder.set(String.valueOf(a.id()), token(a).put("special", a.special()));
        }
        name(config);
        return config.put("add_bos_token", tokenizer.bosId() >= 0)
                .put("add_eos_token", false)
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
        if (tokenizer.specialId("<unk>") >= 0) into.put("unk_token", "<unk>");
    }
}
