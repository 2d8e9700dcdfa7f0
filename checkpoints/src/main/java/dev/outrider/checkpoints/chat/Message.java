package dev.outrider.checkpoints.chat;

import java.io.Serializable;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One turn of a conversation.
 *
 * @param role system, user, assistant, or what else the template knows
 * @param content text; or a list of parts, maps such as {@code {"type": "text", "text": ..}}; or null
 * @param others further members, such as tool_calls, as the template sees them
 */
public record Message(String role, Object content, Map<String, Object> others) implements Serializable {
    public static final String SYSTEM = "system", USER = "user", ASSISTANT = "assistant";

    public static Message of(String role, String content) {
        return new Message(role, content, Map.of());
    }

    /** A message as JSON has it; role is required. */
    public static Message of(Map<String, ?> members) {
        Map<String, Object> others = new LinkedHashMap<>(members);
        Object role = others.remove("role"), content = others.remove("content");
        if (!(role instanceof String name)) throw new IllegalArgumentException("a message without role");
        return new Message(name, content, others);
    }

    public boolean assistant() {
        return role.equals(ASSISTANT);
    }

    /** The content's text; of parts the text of those that have one, one after the other. */
    public String text() {
        if (content instanceof String text) return text;
        StringBuilder out = new StringBuilder();
        if (content instanceof List<?> parts) for (Object part : parts) if (text(part) != null) out.append(text(part));
        return out.toString();
    }

    static String text(Object part) {
        return part instanceof Map<?, ?> map && map.get("text") instanceof String text ? text : null;
    }

    Message withContent(Object other) {
        return new Message(role, other, others);
    }

    /** As JSON has it, and as the template sees it. */
    public Map<String, Object> members() {
        Map<String, Object> out = new LinkedHashMap<>();
        out.put("role", role);
        out.put("content", content);
        out.putAll(others);
        return out;
    }
}
