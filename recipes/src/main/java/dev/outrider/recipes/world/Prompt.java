package dev.outrider.recipes.world;

import java.util.List;
import java.util.Locale;

/**
 * One prompt with the answer the world gives.
 *
 * @param id unique in a world, such as {@code reason-17}
 * @param key what it is about: equal for prompts about the same facts, however they are told
 */
public record Prompt(String id, Task task, String prompt, String answer, String key) {
    /** What opens a turn of either side; special tokens of the world's tokenizer. */
    public static final String USER = "<|user|>", ASSISTANT = "<|assistant|>";

    /** Special tokens the template needs. */
    public static final List<String> SPECIALS = List.of(USER, ASSISTANT);

    static Prompt of(Task task, long index, String prompt, String answer, String key) {
        return new Prompt(task.name().toLowerCase(Locale.ROOT) + "-" + index, task, prompt, answer, key);
    }

    /** The dialogue up to where the answer begins. */
    public String opening() {
        return opening(prompt);
    }

    static String opening(String prompt) {
        return USER + "\n" + prompt + "\n" + ASSISTANT + "\n";
    }

    /** The whole dialogue. */
    public String text() {
        return opening() + answer;
    }
}
