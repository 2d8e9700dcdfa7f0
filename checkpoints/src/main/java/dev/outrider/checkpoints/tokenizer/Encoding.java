package dev.outrider.checkpoints.tokenizer;

/**
 * The ids of a text and the characters that each stands for: id {@code i} covers
 * {@code [starts[i], ends[i])} of the text as it was given, in Java's chars. Tokens that hold a part of a
 * character's bytes cover all of it; a mark put before the text covers the first character.
 *
 * @param ids [n]
 * @param starts [n], never falling
 * @param ends [n]
 */
public record Encoding(int[] ids, int[] starts, int[] ends) {}
