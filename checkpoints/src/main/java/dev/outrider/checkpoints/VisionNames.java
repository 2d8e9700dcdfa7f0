package dev.outrider.checkpoints;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The parts of a model that sees, and their tensors' names in the layouts that are in use: transformers' older
 * names (which it still writes), those that it has in memory, the LLaVA repository's, and CLIP's own. Within a part a
 * tensor has one name: the language model's are those of LlamaForCausalLM, the tower's those within
 * {@code vision_model}, the projector's matrices {@code linear_1}, {@code linear_2}.
 */
final class VisionNames {
    enum Part {
        LANGUAGE,
        TOWER,
        PROJECTOR,
        /** CLIP's text model, and what compares the two. */
        TEXT
    }

    private record Rule(String prefix, Part part, String instead) {}

    // The first that fits; what none fits is the language model's.
    private static final List<Rule> RULES = List.of(
            new Rule("language_model.", Part.LANGUAGE, ""),
            new Rule("model.language_model.", Part.LANGUAGE, "model."),
            new Rule("vision_tower.", Part.TOWER, ""),
            new Rule("model.vision_tower.", Part.TOWER, ""),
            new Rule("vision_model.", Part.TOWER, ""),
            new Rule("multi_modal_projector.", Part.PROJECTOR, ""),
            new Rule("model.multi_modal_projector.", Part.PROJECTOR, ""),
            new Rule("model.mm_projector.", Part.PROJECTOR, ""),
            new Rule("text_model.", Part.TEXT, "text_model."),
            new Rule("text_projection.", Part.TEXT, "text_projection."),
            new Rule("visual_projection.", Part.TEXT, "visual_projection."),
            new Rule("logit_scale", Part.TEXT, "logit_scale"));

    // The LLaVA repository numbers matrices and activations together: 0, 2; a single matrix has no number.
    private static final Pattern NUMBERED = Pattern.compile("(?:(\\d+)\\.)?(weight|bias)");

    private VisionNames() {}

    /** The model's tensors by part. */
    static Map<Part, RenamedWeights> parts(Weights stored) {
        Map<Part, RenamedWeights> parts = new EnumMap<>(Part.class);
        for (Part part : Part.values()) parts.put(part, new RenamedWeights(stored));
        for (String name : stored.names()) {
            Rule rule = rule(name);
            parts.get(rule.part).add(within(rule, name), name);
        }
        return parts;
    }

    private static Rule rule(String name) {
        return RULES.stream()
                .filter(rule -> name.startsWith(rule.prefix))
                .findFirst()
                .orElse(new Rule("", Part.LANGUAGE, ""));
    }

    private static String within(Rule rule, String name) {
        String rest = rule.instead + name.substring(rule.prefix.length());
        return switch (rule.part) {
            // A tower that was trained too lies in a module within a module.
            case TOWER -> rest.replaceFirst("^(vision_tower\\.)?(vision_model\\.)?", "");
            case PROJECTOR -> projector(rest);
            default -> rest;
        };
    }

    private static String projector(String name) {
        Matcher numbered = NUMBERED.matcher(name);
        if (!numbered.matches()) return name;
        int number = numbered.group(1) == null ? 0 : Integer.parseInt(numbered.group(1));
        return "linear_" + (number / 2 + 1) + "." + numbered.group(2);
    }
}
