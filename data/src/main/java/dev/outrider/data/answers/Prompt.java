package dev.outrider.data.answers;

import dev.outrider.checkpoints.chat.ChatTemplate;
import dev.outrider.checkpoints.chat.ChatTokens;
import dev.outrider.checkpoints.chat.Message;
import dev.outrider.checkpoints.chat.Words;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.shard.Hashes;
import java.io.Serializable;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * Something for the target to answer.
 *
 * @param id unique among the prompts of a run
 * @param task name for grouping in reports, or empty
 * @param text with the caller's chat template in it: special tokens are parsed, BOS goes in front where the
 *     tokenizer wants it
 * @param ids what the target reads instead, as it is; null: what the text gives. -1 - k stands for the k-th picture
 * @param pictures names of the image files that it is about; where each stands, a text without ids has {@code <image>}
 */
public record Prompt(String id, String task, String text, int[] ids, List<String> pictures) implements Serializable {
    public Prompt {
        pictures = List.copyOf(pictures);
    }

    /** One without pictures. */
    public Prompt(String id, String task, String text, int[] ids) {
        this(id, task, text, ids, List.of());
    }

    public Prompt(String id, String task, String text) {
        this(id, task, text, null);
    }

    /** The same under another task. */
    public Prompt of(String other) {
        return new Prompt(id, other, text, ids, pictures);
    }

    /** A user's message in a chat template, the assistant's turn opened; special tokens in it stay words. */
    static Prompt asked(String task, ChatTemplate template, Tokenizer tokenizer, String message) {
        List<Message> messages = List.of(Message.of(Message.USER, message));
        return new Prompt(
                task + "-" + Hashes.of(message).substring(0, 16),
                task,
                template.render(messages, true),
                ChatTokens.prompt(template, tokenizer, messages, Words.LITERAL));
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Prompt p
                && id.equals(p.id)
                && task.equals(p.task)
                && text.equals(p.text)
                && Arrays.equals(ids, p.ids)
                && pictures.equals(p.pictures);
    }

    @Override
    public int hashCode() {
        return Objects.hash(id, task, text, Arrays.hashCode(ids), pictures);
    }

    @Override
    public String toString() {
        return "Prompt[" + id + ", " + task + ", " + text + ", " + Arrays.toString(ids) + ", " + pictures + "]";
    }
}
