package dev.outrider.data.conversation;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.ChatTokens;
import dev.outrider.checkpoints.chat.Message;
import dev.outrider.data.image.ImageNames;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Makes {@link Example}s of a row of one form.
 *
 * <p>A picture stands where the text has {@code <image>}. Questions that stand alone (instruction, prompt, turns) need not
 * say where: pictures come before them, a line each, as the LLaVA repository's evaluation puts them (model_vqa.py).
 */
final class RowReader {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Map<String, String> ROLES = Map.ofEntries(
            Map.entry("system", Message.SYSTEM),
            Map.entry("developer", Message.SYSTEM),
            Map.entry("human", Message.USER),
            Map.entry("user", Message.USER),
            Map.entry("gpt", Message.ASSISTANT),
            Map.entry("assistant", Message.ASSISTANT),
            Map.entry("chatgpt", Message.ASSISTANT),
            Map.entry("bing", Message.ASSISTANT),
            Map.entry("bard", Message.ASSISTANT),
            Map.entry("model", Message.ASSISTANT),
            Map.entry("tool", "tool"),
            Map.entry("function", "tool"));

    private final JsonNode row;
    private final String place;

    private RowReader(JsonNode row, String place) {
        this.row = row;
        this.place = place;
    }

    /** @throws Failure DATA with file and line for a row that is not of this form */
    static List<Example> read(JsonNode row, Form form, String place) {
        RowReader reader = new RowReader(row, place);
        return switch (form) {
            case SHAREGPT -> List.of(reader.conversation(reader.turns("from", "value")));
            case MESSAGES -> List.of(reader.conversation(reader.turns("role", "content")));
            case ALPACA -> List.of(reader.conversation(reader.alpaca()));
            case PROMPT_RESPONSE -> List.of(reader.conversation(reader.promptResponse()));
            case TURNS -> List.of(reader.conversation(List.of(reader.asked(reader.firstTurn()))));
            case TOKENS -> List.of(reader.tokens());
            case COCO -> List.of(reader.dataSet().caption());
            case SCIENCEQA -> List.of(reader.dataSet().problem());
            case NLVR -> reader.dataSet().statement();
        };
    }

    private DataSetRow dataSet() {
        return new DataSetRow(row, id(), place);
    }

    private Conversation conversation(List<Message> messages) {
        if (messages.isEmpty()) throw bad("no messages", "at least one");
        return new Conversation(id(), task(), messages, images(), first("split"), about(), first("decoding"), place);
    }

    private String firstTurn() {
        return text(row.path("turns").path(0), "turns[0]");
    }

    private Message asked(String text) {
        boolean placed = text.contains(ChatTokens.PICTURE);
        String before = placed ? "" : (ChatTokens.PICTURE + "\n").repeat(images().size());
        return Message.of(Message.USER, before + text);
    }

    private String id() {
        return first("id", "question_id", "prompt_id", "conversation_id", "task_id");
    }

    private String task() {
        return first("task", "category", "dataset");
    }

    private List<String> images() {
        JsonNode named = row.hasNonNull("image") ? row.get("image") : row.path("images");
        List<String> images = new ArrayList<>();
        for (JsonNode one : named.isArray() ? named : List.of(named)) image(one).ifPresent(images::add);
        return images;
    }

    // The number of a picture that the text has no place for.
    private String about() {
        return images().isEmpty() ? ImageNames.key(first("image_id")) : "";
    }

    // A name, or an object with a path; what has no name is none.
    private static Optional<String> image(JsonNode one) {
        JsonNode name = one.isObject() ? one.path("path") : one;
        return Optional.of(name.asText("")).filter(text -> name.isTextual() && !text.isEmpty());
    }

    private String first(String... keys) {
        return Stream.of(keys)
                .map(row::path)
                .filter(n -> n.isValueNode() && !n.isNull())
                .map(JsonNode::asText)
                .findFirst()
                .orElse("");
    }

    // A list of turns under whichever key; some files write the members of the other form.
    private List<Message> turns(String role, String content) {
        JsonNode list = Stream.of("messages", "conversations", "conversation")
                .map(row::path)
                .filter(JsonNode::isArray)
                .findFirst()
                .orElseThrow(() -> bad("no list of turns", "a list under messages or conversations"));
        List<Message> out = new ArrayList<>();
        String system = row.path("system").asText(row.path("system_prompt").asText(""));
        if (!system.isEmpty()) out.add(Message.of(Message.SYSTEM, system));
        for (JsonNode turn : list) {
            boolean other = !turn.has(role);
            out.add(turn(
                    turn,
                    other ? (role.equals("from") ? "role" : "from") : role,
                    other ? (content.equals("value") ? "content" : "value") : content));
        }
        return out;
    }

    private Message turn(JsonNode turn, String roleKey, String contentKey) {
        String role = ROLES.get(turn.path(roleKey).asText(""));
        if (role == null)
            throw bad(
                    "the role '" + turn.path(roleKey).asText("") + "'",
                    "one of " + ROLES.keySet().stream().sorted().toList());
        JsonNode content = turn.path(contentKey);
        boolean fits = content.isTextual() || content.isArray() || content.isNull() && turn.size() > 2;
        if (!fits) throw bad("a turn without " + contentKey, "text");
        Map<String, Object> members = JSON.convertValue(turn, new TypeReference<>() {});
        members.remove(roleKey);
        members.remove(contentKey);
        members.remove("weight");
        return new Message(role, JSON.convertValue(content, Object.class), members);
    }

    private List<Message> alpaca() {
        List<Message> out = new ArrayList<>();
        String instruction = text(row.path("instruction"), "instruction"),
                input = row.path("input").asText("");
        out.add(asked(input.isBlank() ? instruction : instruction + "\n\n" + input));
        if (row.hasNonNull("output")) out.add(Message.of(Message.ASSISTANT, text(row.path("output"), "output")));
        return out;
    }

    private List<Message> promptResponse() {
        List<Message> out = new ArrayList<>();
        out.add(asked(text(row.path("prompt"), "prompt")));
        Stream.of("response", "completion", "answer", "output", "text")
                .map(row::path)
                .filter(JsonNode::isTextual)
                .findFirst()
                .ifPresent(answer -> out.add(Message.of(Message.ASSISTANT, answer.textValue())));
        return out;
    }

    private String text(JsonNode node, String key) {
        if (node.isTextual()) return node.textValue();
        throw bad("no text under " + key, "text");
    }

    private TokenRow tokens() {
        int[] ids = integers("input_ids"), values = integers("loss_mask");
        if (ids.length != values.length) {
            throw bad(ids.length + " input_ids and a loss_mask of " + values.length, "one for each");
        }
        byte[] mask = new byte[values.length];
        for (int i = 0; i < mask.length; i++) {
            if (values[i] != 0 && values[i] != 1) throw bad("loss_mask " + values[i], "0 or 1");
            if (ids[i] < 0) throw bad("input_ids " + ids[i], "0 or more");
            mask[i] = (byte) values[i];
        }
        return new TokenRow(id(), ids, mask, place);
    }

    private int[] integers(String key) {
        JsonNode list = row.path(key);
        if (!list.isArray()) throw bad("no list under " + key, "a list of integers");
        int[] out = new int[list.size()];
        for (int i = 0; i < out.length; i++) {
            JsonNode n = list.get(i);
            if (!n.isBoolean() && !n.canConvertToInt()) throw bad(key + "[" + i + "] " + n, "an integer");
            out[i] = n.isBoolean() ? (n.booleanValue() ? 1 : 0) : n.intValue();
        }
        return out;
    }

    private Failure bad(String found, String expected) {
        return Failure.data(place, found, expected, "Correct the row, name another form, or let bad rows be skipped.");
    }
}
