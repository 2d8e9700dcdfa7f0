package dev.outrider.recipes.verb;

import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.checkpoints.chat.ChatTemplate;
import dev.outrider.checkpoints.chat.ChatTokens;
import dev.outrider.checkpoints.chat.Message;
import dev.outrider.checkpoints.chat.Words;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.decode.model.Picture;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToIntFunction;

/**
 * A conversation that grows: every prompt is all that was said, in the template. What is typed never becomes a
 * special token. Where the context is full, the oldest question goes with its answer. Without a template a prompt is
 * the line alone, special tokens in it parsed.
 */
final class Dialogue {
    /** That of targets trained by our own recipes. */
    static final ChatTemplate OWN = ChatTemplate.named("outrider");

    private final Optional<ChatTemplate> template;
    private final Tokenizer tokenizer;
    private final int room;
    private final ToIntFunction<int[]> rows;
    private final List<Message> said = new ArrayList<>();
    private final int first;
    private boolean seen;

    /**
     * @param system what stands before all else; null: nothing
     * @param room most tokens of a prompt, as long as there is something to leave out
     */
    Dialogue(Optional<ChatTemplate> template, Tokenizer tokenizer, String system, int room) {
        this(template, tokenizer, system, room, ids -> ids.length);
    }

    /** @param rows of a prompt, where a picture takes more than one */
    Dialogue(Optional<ChatTemplate> template, Tokenizer tokenizer, String system, int room, ToIntFunction<int[]> rows) {
        this.template = template;
        this.tokenizer = tokenizer;
        this.room = room;
        this.rows = rows;
        if (system != null) said.add(Message.of(Message.SYSTEM, system));
        this.first = said.size();
    }

    /** Tokens of the conversation with this question, the assistant's turn opened. */
    int[] prompt(String line) {
        return prompt(line, 0);
    }

    /** As {@link #prompt(String)}, with pictures before the question: placeholders in the prompt. */
    int[] prompt(String line, int pictures) {
        if (template.isEmpty()) return tokenizer.encodeWithBos(line);
        // Once there is a picture, its name is one wherever it stands: what is typed must not have it.
        seen |= pictures > 0;
        String typed = seen ? line.replace(ChatTokens.PICTURE, "< image >") : line;
        said.add(new Message(Message.USER, content(typed, pictures), Map.of()));
        int[] ids = ids();
        while (rows.applyAsInt(ids) > room && said.size() > first + 1) {
            said.subList(first, first + 2).clear();
            ids = ids();
        }
        return ids;
    }

    // A template writes text, in which a picture has a name; or it takes parts, and writes that name itself.
    private Object content(String line, int pictures) {
        if (pictures == 0) return line;
        String text = (ChatTokens.PICTURE + "\n").repeat(pictures) + line;
        String written = template.get().render(List.of(Message.of(Message.USER, text)), true);
        if (written.contains(text)) return text;
        List<Map<String, String>> parts = new ArrayList<>();
        for (int i = 0; i < pictures; i++) parts.add(Map.of("type", "image"));
        parts.add(Map.of("type", "text", "text", line));
        return parts;
    }

    private int[] ids() {
        if (!seen) return ChatTokens.prompt(template.get(), tokenizer, said, Words.LITERAL);
        int known = tokenizer.specialId(ChatTokens.PICTURE);
        int[] ids = ChatTokens.seenPrompt(template.get(), tokenizer, said, Words.LITERAL);
        return Picture.numbered(ids, known >= 0 ? known : VisionConfig.PLACEHOLDER);
    }

    /** What the model said to the last question. */
    void answered(String text) {
        if (template.isPresent()) said.add(Message.of(Message.ASSISTANT, text));
    }
}
