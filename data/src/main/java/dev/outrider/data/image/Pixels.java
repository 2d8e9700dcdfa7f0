package dev.outrider.data.image;

/**
 * A picture as a tower reads it.
 *
 * @param values [3, height, width], channels R, G, B, rescaled and normalised as the settings say
 */
public record Pixels(int height, int width, float[] values) {}
