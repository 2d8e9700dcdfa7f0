package dev.outrider.data.answers;

import java.io.Serializable;

/**
 * Something for the target to answer.
 *
 * @param id unique among the prompts of a run
 * @param task name for grouping in reports, or empty
 * @param text with the caller's chat template in it: special tokens are parsed, BOS goes in front
 */
public record Prompt(String id, String task, String text) implements Serializable {}
