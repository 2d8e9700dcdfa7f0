package dev.outrider.recipes.world;

import dev.outrider.checkpoints.chat.ChatTokens;

/**
 * One prompt about a picture with the answer the world gives.
 *
 * @param id unique among the prompts of one seed, such as {@code seen-question-17}
 * @param prompt with {@code <image>} where the picture stands: in front
 * @param key what it tells of beside the picture: equal for prompts about the same facts; empty where it tells nothing
 */
public record SeenPrompt(String id, SeenTask task, Drawing picture, String prompt, String answer, String key) {
    static SeenPrompt of(SeenTask task, long index, Drawing picture, String prompt, String answer, String key) {
        return new SeenPrompt(
                task.label() + "-" + index, task, picture, ChatTokens.PICTURE + "\n" + prompt, answer, key);
    }

    /** The dialogue up to where the answer begins. */
    public String opening() {
        return Prompt.opening(prompt);
    }

    /** The whole dialogue. */
    public String text() {
        return opening() + answer;
    }
}
