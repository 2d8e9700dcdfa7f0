package dev.outrider.checkpoints.tokenizer;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The steps of a byte-level {@code tokenizer.json}; whatever is not known is refused by name. */
final class ByteLevelJson {
    private static final String STEPS = "Digits, Split and ByteLevel";

    private final JsonPlace root;

    ByteLevelJson(JsonPlace root) {
        this.root = root;
    }

    /** Whether the file is of this kind. */
    static boolean is(JsonPlace root) {
        return root.at("pre_tokenizer").node().findValuesAsText("type").contains("ByteLevel");
    }

    /** @throws dev.outrider.checkpoints.Failure DATA for a step that is not supported */
    ByteLevelBpe model(Vocabulary vocabulary, Merges merges) {
        boolean composes = composes();
        List<Splitter> splitters = splitters();
        decoder();
        boolean wholeWords = root.at("model").at("ignore_merges").flag();
        ByteLevelBpe bpe = new ByteLevelBpe(vocabulary, merges, splitters, composes, wholeWords);
        JsonPlace unknown = root.at("model").at("unk_token");
        if (!unknown.absent() && !bpe.hasAllBytes()) {
            throw unknown.unsupported("an unknown token and a vocabulary that lacks bytes", "all 256 bytes, or none");
        }
        return bpe;
    }

    private boolean composes() {
        List<JsonPlace> steps = root.at("normalizer").steps("normalizers");
        for (JsonPlace step : steps) {
            if (!step.type().equals("NFC")) throw step.unsupported("normaliser " + step.type(), "NFC or none");
        }
        return !steps.isEmpty();
    }

    private List<Splitter> splitters() {
        List<Splitter> splitters = new ArrayList<>();
        List<JsonPlace> steps = root.at("pre_tokenizer").steps("pretokenizers");
        for (JsonPlace step : steps) {
            switch (step.type()) {
                case "Digits" -> splitters.add(digits(step));
                case "Split" -> splitters.add(split(step));
                case "ByteLevel" -> {
                    if (step != steps.getLast()) throw step.unsupported("a step after ByteLevel", "ByteLevel last");
                    byteLevel(step, splitters);
                }
                default -> throw step.unsupported("pre-tokenizer " + step.type(), STEPS);
            }
        }
        return splitters;
    }

    private static Splitter digits(JsonPlace step) {
        return step.at("individual_digits").flag() ? Splitter.DIGITS : Splitter.NUMBERS;
    }

    // Where the pattern matches everywhere, removing what it does not match leaves its matches.
    private static Splitter split(JsonPlace step) {
        JsonPlace pattern = step.at("pattern").at("Regex");
        if (pattern.absent()) throw step.at("pattern").unsupported("a pattern that is no Regex", "a Regex");
        Splitter splitter = Splitter.of(pattern.text());
        if (splitter == null) {
            throw pattern.unsupported(
                    "the pattern " + pattern.text(),
                    "one of "
                            + Arrays.stream(Splitter.values())
                                    .map(Splitter::pattern)
                                    .toList());
        }
        String behaviour = step.at("behavior").text();
        boolean inverted = step.at("invert").flag();
        boolean isolated = behaviour.equals("Isolated") && !inverted;
        boolean kept = behaviour.equals("Removed") && inverted && splitter.matchesAll();
        if (!isolated && !kept) {
            throw step.at("behavior").unsupported(behaviour + (inverted ? ", inverted" : ""), "Isolated, not inverted");
        }
        return splitter;
    }

    private static void byteLevel(JsonPlace step, List<Splitter> splitters) {
        if (step.at("add_prefix_space").flag()) {
            throw step.at("add_prefix_space").unsupported("add_prefix_space true", "false");
        }
        if (step.at("use_regex").absent() || step.at("use_regex").flag()) splitters.add(Splitter.GPT2);
    }

    private void decoder() {
        List<String> types = root.at("decoder").steps("decoders").stream()
                .map(JsonPlace::type)
                .toList();
        if (!types.equals(List.of("ByteLevel"))) {
            throw root.at("decoder").unsupported("decoder " + types, "ByteLevel");
        }
    }
}
