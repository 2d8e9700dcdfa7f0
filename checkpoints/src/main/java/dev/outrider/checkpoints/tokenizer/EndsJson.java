package dev.outrider.checkpoints.tokenizer;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Begin and end of text in a {@code tokenizer.json} and the tokenizer_config.json beside it. The config names
 * the tokens; the post-processor says which are put around a text.
 */
final class EndsJson {
    private final Path file;
    private final JsonPlace root;

    EndsJson(Path file, JsonPlace root) {
        this.file = file;
        this.root = root;
    }

    /**
     * @param usualBos what BOS is called where there is no config
     * @param usualEos what EOS is called where there is no config
     */
    Ends read(Vocabulary vocabulary, String usualBos, String usualEos) {
        int bos = named("bos_token", usualBos, vocabulary), eos = named("eos_token", usualEos, vocabulary);
        int pad = named("pad_token", "", vocabulary);
        JsonPlace template = template();
        if (template == null) return new Ends(bos, eos, pad, false, false);
        List<Integer> before = new ArrayList<>(), after = new ArrayList<>();
        around(template, vocabulary, before, after);
        if (!before.isEmpty()) bos = before.getFirst();
        if (!after.isEmpty()) eos = after.getFirst();
        return new Ends(bos, eos, pad, !before.isEmpty(), !after.isEmpty());
    }

    private int named(String key, String usual, Vocabulary vocabulary) {
        Path config = file.resolveSibling("tokenizer_config.json");
        if (!Files.exists(config)) return vocabulary.id(usual);
        JsonPlace token = JsonPlace.read(config).at(key);
        if (token.absent()) return -1;
        return vocabulary.id(token.isText() ? token.text() : token.at("content").text());
    }

    private JsonPlace template() {
        JsonPlace found = null;
        for (JsonPlace step : root.at("post_processor").steps("processors")) {
            switch (step.type()) {
                case "ByteLevel" -> {} // trims offsets only
                case "TemplateProcessing" -> found = step;
                default -> throw step.unsupported("post-processor " + step.type(), "TemplateProcessing and ByteLevel");
            }
        }
        return found;
    }

    private static void around(JsonPlace template, Vocabulary vocabulary, List<Integer> before, List<Integer> after) {
        List<Integer> into = before;
        for (JsonPlace part : template.at("single").items()) {
            JsonPlace token = part.at("SpecialToken");
            if (token.absent()) into = after;
            else into.add(id(token.at("id"), vocabulary));
        }
        if (before.size() > 1 || after.size() > 1) {
            throw template.at("single").unsupported("several tokens in a row", "one before the text, one behind");
        }
    }

    private static int id(JsonPlace name, Vocabulary vocabulary) {
        int id = vocabulary.id(name.text());
        if (id < 0) throw name.expected("a token of the vocabulary");
        return id;
    }
}
