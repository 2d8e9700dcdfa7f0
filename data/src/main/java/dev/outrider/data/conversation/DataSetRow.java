package dev.outrider.data.conversation;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.ChatTokens;
import dev.outrider.checkpoints.chat.Message;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Conversations made of the rows of published data sets. The prompts of arXiv 2404.08856 are not published; these are
 * those of the LLaVA line, which its target was trained with.
 */
final class DataSetRow {
    /** LLaVA-1.5's for captions of one sentence (Liu et al., 2310.03744, its TextCaps data). */
    static final String CAPTION = "Provide a one-sentence caption for the provided image.";

    /** LLaVA-1.5's end of questions with short answers (2310.03744, section 3.2); the question is ours. */
    static final String STATEMENT = "Is the following statement about the image true or false? %s\n"
            + "Answer the question using a single word or phrase.";

    /** Our own, for statements that are true: what a model that sees may answer in a sentence. */
    static final String TRUTH = "State one thing that is true of the image.";

    private static final String LETTERS = "ABCDEFGHIJ";
    private static final int PERMUTATIONS = 6;
    private static final Set<String> SPLITS = Set.of("train", "dev", "test");

    private final JsonNode row;
    private final String id;
    private final String place;

    DataSetRow(JsonNode row, String id, String place) {
        this.row = row;
        this.id = id;
        this.place = place;
    }

    /** One of COCO's captions, several of an image. */
    Conversation caption() {
        String image = text("image");
        return conversation(
                id, "coco-caption", List.of(image), CAPTION, text("caption").strip(), split(), "");
    }

    /**
     * A problem of ScienceQA (Lu et al., 2209.09513) as the LLaVA repository asks it (convert_sqa_to_llava.py, its format
     * QCM-LEA): question, context, choices by letters; lecture and solution, then the answer. The image is {@code
     * ID/image.png} in the folder of the problem's split.
     */
    Conversation problem() {
        String image = row.path("image").asText("");
        List<String> images = row.path("image").isTextual() && !image.isEmpty() ? List.of(id + "/" + image) : List.of();
        String context = row.path("hint").asText("").strip();
        String question = text("question") + "\nContext: " + (context.isEmpty() ? "N/A" : context) + "\nOptions: "
                + String.join(" ", choices());
        String thought = text("lecture", "") + " " + text("solution", "") + " The answer is " + letter() + ".";
        return conversation(id, "scienceqa-cot", images, single(question), single(thought), split(), "");
    }

    // As the repository's script does, once over the text.
    private static String single(String text) {
        return text.replace("  ", " ").strip();
    }

    private List<String> choices() {
        JsonNode list = row.path("choices");
        if (!list.isArray() || list.isEmpty() || list.size() > LETTERS.length()) {
            throw bad("no list of choices", "1 to " + LETTERS.length());
        }
        List<String> choices = new ArrayList<>();
        for (JsonNode choice : list) {
            choices.add("(" + LETTERS.charAt(choices.size()) + ") " + choice.asText());
        }
        return choices;
    }

    private char letter() {
        JsonNode answer = row.path("answer");
        boolean fits = answer.canConvertToInt()
                && answer.intValue() >= 0
                && answer.intValue() < row.path("choices").size();
        if (!fits) throw bad("the answer " + answer, "the number of one of the choices, from 0");
        return LETTERS.charAt(answer.intValue());
    }

    /**
     * A statement of NLVR (Suhr et al., ACL 2017) about each of its six pictures, which are the same boxes in other orders:
     * whether it is true, and where it is, the statement as answer. Rows of one statement are one group, and so all
     * pictures of the same boxes.
     */
    List<Example> statement() {
        String identifier = text("identifier"), split = fileSplit();
        String label = row.path("label").asText("");
        if (!label.equals("true") && !label.equals("false")) throw bad("the label '" + label + "'", "true or false");
        String answer = label.equals("true") ? "True" : "False";
        String sentence = text("sentence").strip();
        List<Example> out = new ArrayList<>();
        for (int i = 0; i < PERMUTATIONS; i++) {
            String name = identifier + "-" + i;
            String image = "images/" + row.path("directory").asText("") + "/" + split + "-" + name + ".png";
            String group = "nlvr " + sentence;
            out.add(conversation(name, "nlvr", List.of(image), STATEMENT.formatted(sentence), answer, split, group));
            if (label.equals("true")) {
                out.add(conversation(name + "-truth", "nlvr-truth", List.of(image), TRUTH, sentence, split, group));
            }
        }
        return out;
    }

    // Files and pictures are named by the split: dev.json, dev-12-0-3.png.
    private String fileSplit() {
        String name = Path.of(place.substring(0, place.lastIndexOf(':')))
                .getFileName()
                .toString();
        String stem = name.replaceFirst("\\..*", "");
        return SPLITS.contains(stem) ? stem : "dev";
    }

    private Conversation conversation(
            String name, String task, List<String> images, String asked, String answer, String split, String group) {
        String text = (ChatTokens.PICTURE + "\n").repeat(images.size()) + asked;
        List<Message> messages = List.of(Message.of(Message.USER, text), Message.of(Message.ASSISTANT, answer));
        return new Conversation(name, task, messages, images, split, group, "", place);
    }

    private String split() {
        return row.path("split").asText("");
    }

    private String text(String key) {
        if (row.path(key).isTextual()) return row.path(key).textValue();
        throw bad("no text under " + key, "text");
    }

    private String text(String key, String absent) {
        return row.path(key).asText(absent);
    }

    private Failure bad(String found, String expected) {
        return Failure.data(place, found, expected, "Correct the row, or let bad rows be skipped.");
    }
}
