package dev.outrider.data.answers;

import java.io.Serializable;
import java.util.Arrays;
import java.util.Objects;

/**
 * Something for the target to answer.
 *
 * @param id unique among the prompts of a run
 * @param task name for grouping in reports, or empty
 * @param text with the caller's chat template in it: special tokens are parsed, BOS goes in front where the
 *     tokenizer wants it
 * @param ids what the target reads instead, as it is; null: what the text gives
 */
public record Prompt(String id, String task, String text, int[] ids) implements Serializable {
    public Prompt(String id, String task, String text) {
        this(id, task, text, null);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Prompt p
                && id.equals(p.id)
                && task.equals(p.task)
                && text.equals(p.text)
                && Arrays.equals(ids, p.ids);
    }

    @Override
    public int hashCode() {
        return Objects.hash(id, task, text, Arrays.hashCode(ids));
    }

    @Override
    public String toString() {
        return "Prompt[" + id + ", " + task + ", " + text + ", " + Arrays.toString(ids) + "]";
    }
}
