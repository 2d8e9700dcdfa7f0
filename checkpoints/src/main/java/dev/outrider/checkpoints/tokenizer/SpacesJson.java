package dev.outrider.checkpoints.tokenizer;

import dev.outrider.checkpoints.tokenizer.Spaces.Prefix;
import java.util.ArrayList;
import java.util.List;

/** How a {@code tokenizer.json} of the LLaMA family treats spaces; whatever else it asks for is refused by name. */
final class SpacesJson {
    private static final String MARK = String.valueOf(Spaces.MARK);

    private final JsonPlace root;
    private final boolean maySplit;

    /** @param maySplit whether cutting at every space is supported: for byte pairs it is not */
    SpacesJson(JsonPlace root, boolean maySplit) {
        this.root = root;
        this.maySplit = maySplit;
    }

    Spaces read() {
        return new Spaces(prefix(), false, strip());
    }

    /** Whether every space begins a stretch of its own. */
    boolean splits() {
        JsonPlace pre = root.at("pre_tokenizer");
        return !pre.absent() && (pre.at("split").absent() || pre.at("split").flag());
    }

    // Either the normaliser marks spaces (Prepend, Replace) or the pre-tokenizer does (Metaspace).
    private Prefix prefix() {
        JsonPlace normalizer = root.at("normalizer"), pre = root.at("pre_tokenizer");
        if (normalizer.absent() && !pre.absent()) return metaspace(pre);
        if (!pre.absent() && !(maySplit && metaspace(pre) == Prefix.NEVER)) {
            throw pre.unsupported("pre-tokenizer " + pre.type(), "none beside a normaliser");
        }
        Prefix prefix = Prefix.NEVER;
        boolean replaces = false;
        for (JsonPlace step : normalizer.steps("normalizers")) {
            switch (step.type()) {
                case "Prepend" -> {
                    step.at("prepend").require(MARK);
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

    private Prefix metaspace(JsonPlace step) {
        if (!step.type().equals("Metaspace")) throw step.unsupported("pre-tokenizer " + step.type(), "Metaspace");
        step.at("replacement").require(MARK);
        if (splits() && !maySplit) throw step.unsupported("split true", "split false");
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
        for (JsonPlace step : root.at("decoder").steps("decoders")) {
            types.add(step.type());
            if (step.type().equals("Replace")) replacement(step, MARK, " ");
            if (step.type().equals("Strip")) strip = stripsOne(step);
        }
        List<String> whole = List.of("Replace", "ByteFallback", "Fuse", "Strip");
        if (types.equals(List.of("Metaspace")) && maySplit) return stripsMark(root.at("decoder"));
        if (types.equals(whole) || types.equals(whole.subList(0, 3))) return strip;
        throw root.at("decoder").unsupported("decoder " + types, whole.toString());
    }

    private static boolean stripsMark(JsonPlace step) {
        step.at("replacement").require(MARK);
        return !step.at("prepend_scheme").textOr("always").equals("never");
    }

    private static boolean stripsOne(JsonPlace step) {
        step.at("content").require(" ");
        int start = step.at("start").integer();
        if (start > 1 || step.at("stop").integer() != 0) throw step.unsupported("another strip", "start 1, stop 0");
        return start == 1;
    }

    private static void replacement(JsonPlace step, String from, String to) {
        step.at("pattern").at("String").require(from);
        step.at("content").require(to);
    }
}
