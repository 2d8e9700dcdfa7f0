package dev.outrider.checkpoints.tokenizer;

import dev.outrider.checkpoints.tokenizer.AddedTokens.Added;
import dev.outrider.checkpoints.tokenizer.Merges.Merge;
import dev.outrider.checkpoints.tokenizer.Spaces.Prefix;
import dev.outrider.checkpoints.tokenizer.Vocabulary.Kind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** One reading of a {@code tokenizer.json}; see {@link TokenizerJson}. */
final class TokenizerJsonReader {
    private static final String MARK = String.valueOf(Spaces.MARK);
    private static final Set<String> BYTES = byteNames();

    private final Path file;
    private final JsonPlace root;
    private final JsonPlace model;

    TokenizerJsonReader(Path file) {
        this.file = file;
        this.root = JsonPlace.read(file);
        this.model = root.at("model");
    }

    private static Set<String> byteNames() {
        Set<String> names = new HashSet<>();
        for (int value = 0; value < 256; value++) names.add(Vocabulary.byteName(value));
        return Set.copyOf(names);
    }

    Tokenizer read() {
        checkModel();
        Spaces spaces = new Spaces(prefix(), false, strip());
        List<Added> raw = new ArrayList<>(), marked = new ArrayList<>();
        for (JsonPlace item : root.at("added_tokens").items()) {
            Added token = added(item);
            if (item.at("normalized").flag()) marked.add(escaped(token, spaces));
            else raw.add(token);
        }
        Vocabulary vocabulary = vocabulary(raw, marked);
        return new BpeTokenizer(
                vocabulary,
                merges(vocabulary),
                spaces,
                new AddedTokens(raw),
                new AddedTokens(marked),
                named("bos_token", "<s>", vocabulary),
                named("eos_token", "</s>", vocabulary));
    }

    private void checkModel() {
        String type = model.at("type").textOr(model.at("merges").absent() ? "none" : "BPE");
        if (!type.equals("BPE")) throw model.unsupported("model type " + type, "BPE");
        if (usesBytes(root.at("pre_tokenizer"))) {
            throw root.at("pre_tokenizer").unsupported("byte-level byte-pair encoding", "no byte-level step");
        }
        if (!model.at("byte_fallback").flag()) {
            throw model.at("byte_fallback").unsupported("no byte fallback", "byte_fallback true");
        }
        for (String key : List.of("dropout", "continuing_subword_prefix", "end_of_word_suffix", "ignore_merges")) {
            JsonPlace option = model.at(key);
            boolean off = option.absent()
                    || option.node().asText().isEmpty()
                    || option.node().asDouble(1) == 0;
            if (!off) throw option.unsupported(key + " " + option.node(), "none");
        }
    }

    private static boolean usesBytes(JsonPlace step) {
        return step.node().findValuesAsText("type").contains("ByteLevel");
    }

    // Either the normaliser marks spaces (Prepend, Replace) or the pre-tokenizer does (Metaspace).
    private Prefix prefix() {
        JsonPlace normalizer = root.at("normalizer"), pre = root.at("pre_tokenizer");
        if (normalizer.absent() && !pre.absent()) return metaspace(pre);
        if (!pre.absent()) throw pre.unsupported("pre-tokenizer " + pre.type(), "none beside a normaliser");
        Prefix prefix = Prefix.NEVER;
        boolean replaces = false;
        for (JsonPlace step : steps(normalizer, "normalizers")) {
            switch (step.type()) {
                case "Prepend" -> {
                    require(step.at("prepend"), MARK);
                    prefix = Prefix.EVERY;
                }
                case "Replace" -> {
                    replacement(step, " ", MARK);
                    replaces = true;
                }
                default -> throw step.unsupported("normaliser " + step.type(), "Prepend and Replace");
            }
        }
        if (!replaces) throw normalizer.unsupported("no step that marks spaces", "Replace of \" \" by U+2581");
        return prefix;
    }

    private static Prefix metaspace(JsonPlace step) {
        if (!step.type().equals("Metaspace")) throw step.unsupported("pre-tokenizer " + step.type(), "Metaspace");
        require(step.at("replacement"), MARK);
        if (step.at("split").absent() || step.at("split").flag()) throw step.unsupported("split true", "split false");
        String scheme = step.at("prepend_scheme").textOr("always");
        return switch (scheme) {
            case "always" -> Prefix.EVERY_UNLESS_SPACE;
            case "first" -> Prefix.FIRST_UNLESS_SPACE;
            case "never" -> Prefix.NEVER;
            default -> throw step.at("prepend_scheme").expected("always, first or never");
        };
    }

    /** Whether decoding takes the first space away. */
    private boolean strip() {
        boolean strip = false;
        List<String> types = new ArrayList<>();
        for (JsonPlace step : steps(root.at("decoder"), "decoders")) {
            types.add(step.type());
            if (step.type().equals("Replace")) replacement(step, MARK, " ");
            if (step.type().equals("Strip")) strip = stripsOne(step);
        }
        List<String> whole = List.of("Replace", "ByteFallback", "Fuse", "Strip");
        if (types.equals(whole) || types.equals(whole.subList(0, 3))) return strip;
        throw root.at("decoder").unsupported("decoder " + types, whole.toString());
    }

    private static boolean stripsOne(JsonPlace step) {
        require(step.at("content"), " ");
        int start = step.at("start").integer();
        if (start > 1 || step.at("stop").integer() != 0) throw step.unsupported("another strip", "start 1, stop 0");
        return start == 1;
    }

    private static List<JsonPlace> steps(JsonPlace step, String key) {
        if (step.absent()) return List.of();
        return step.type().equals("Sequence") ? step.at(key).items() : List.of(step);
    }

    private static void replacement(JsonPlace step, String from, String to) {
        require(step.at("pattern").at("String"), from);
        require(step.at("content"), to);
    }

    private static void require(JsonPlace value, String expected) {
        if (!value.text().equals(expected)) throw value.unsupported("\"" + value.text() + "\"", "\"" + expected + "\"");
    }

    private static Added added(JsonPlace item) {
        String content = item.at("content").text();
        if (content.isEmpty()) throw item.expected("content");
        return new Added(
                item.at("id").integer(),
                content,
                item.at("special").flag(),
                item.at("lstrip").flag(),
                item.at("rstrip").flag(),
                item.at("single_word").flag());
    }

    private static Added escaped(Added a, Spaces spaces) {
        String content = spaces.escape(a.content(), true);
        return new Added(a.id(), content, a.special(), a.leftStrip(), a.rightStrip(), a.word());
    }

    private Vocabulary vocabulary(List<Added> raw, List<Added> marked) {
        JsonPlace vocab = model.at("vocab"), tokens = root.at("added_tokens");
        if (!vocab.node().isObject()) throw vocab.expected("an object from piece to id");
        int size = vocab.node().size();
        for (JsonPlace item : tokens.items())
            size = Math.max(size, item.at("id").integer() + 1);
        if (size > vocab.node().size() + tokens.node().size()) throw tokens.expected("ids without gaps");
        String[] pieces = new String[size];
        Kind[] kinds = new Kind[size];
        for (String piece : (Iterable<String>) vocab.node()::fieldNames) {
            place(vocab.at(piece), piece, BYTES.contains(piece) ? Kind.BYTE : Kind.NORMAL, pieces, kinds);
        }
        for (JsonPlace item : tokens.items()) {
            Kind kind = item.at("special").flag() ? Kind.CONTROL : Kind.DEFINED;
            place(item.at("id"), item.at("content").text(), kind, pieces, kinds);
        }
        int gap = Arrays.asList(pieces).indexOf(null);
        if (gap >= 0) throw vocab.unsupported("no piece with id " + gap, "ids 0 to " + (size - 1) + " without gaps");
        return new Vocabulary(file.toString(), List.of(pieces), List.of(kinds));
    }

    private static void place(JsonPlace id, String piece, Kind kind, String[] pieces, Kind[] kinds) {
        int at = id.integer();
        if (at < 0 || at >= pieces.length) throw id.expected("an id from 0 to " + (pieces.length - 1));
        if (pieces[at] != null && !pieces[at].equals(piece))
            throw id.expected("an id of its own, not \"" + pieces[at] + "\"'s");
        pieces[at] = piece;
        kinds[at] = kind;
    }

    private Merges merges(Vocabulary vocabulary) {
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

    private int named(String key, String usual, Vocabulary vocabulary) {
        Path config = file.resolveSibling("tokenizer_config.json");
        String name = usual;
        if (Files.exists(config)) {
            JsonPlace token = JsonPlace.read(config).at(key);
            if (token.absent()) return -1;
            name = token.isText() ? token.text() : token.at("content").text();
        }
        return vocabulary.id(name);
    }
}
