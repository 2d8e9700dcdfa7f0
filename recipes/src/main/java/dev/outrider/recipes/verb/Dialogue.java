package dev.outrider.recipes.verb;

import dev.outrider.checkpoints.chat.ChatTemplate;
import dev.outrider.checkpoints.chat.ChatTokens;
import dev.outrider.checkpoints.chat.Message;
import dev.outrider.checkpoints.chat.Words;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A conversation that grows: every prompt is all that was said, in the template. What is typed never becomes a
 * special token. Where the context is full, the oldest question goes with its answer. Without a template a prompt is
 * the line alone, special tokens in it parsed.
 */
final class Dialogue {
    /** That of targets trained by our own recipes. */
    static final ChatTemplate OWN = ChatTemplate.of(
            "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + '\n' }}{% endfor %}"
                    + "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}",
            Map.of());

    private final Optional<ChatTemplate> template;
    private final Tokenizer tokenizer;
    private final int room;
    private final List<Message> said = new ArrayList<>();
    private final int first;

    /**
     * @param system what stands before all else; null: nothing
     * @param room most tokens of a prompt, as long as there is something to leave out
     */
    Dialogue(Optional<ChatTemplate> template, Tokenizer tokenizer, String system, int room) {
        this.template = template;
        this.tokenizer = tokenizer;
        this.room = room;
        if (system != null) said.add(Message.of(Message.SYSTEM, system));
        this.first = said.size();
    }

    /** Tokens of the conversation with this question, the assistant's turn opened. */
    int[] prompt(String line) {
        if (template.isEmpty()) return tokenizer.encodeWithBos(line);
        said.add(Message.of(Message.USER, line));
        int[] ids = ids();
        while (ids.length > room && said.size() > first + 1) {
            said.subList(first, first + 2).clear();
            ids = ids();
        }
        return ids;
    }

    private int[] ids() {
        return ChatTokens.prompt(template.get(), tokenizer, said, Words.LITERAL);
    }

    /** What the model said to the last question. */
    void answered(String text) {
        if (template.isPresent()) said.add(Message.of(Message.ASSISTANT, text));
    }
}
