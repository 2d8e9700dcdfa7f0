package dev.outrider.recipes.world;

/**
 * A picture and what is in it, in few words.
 *
 * @param id unique among the captions of one seed
 */
public record Caption(String id, Drawing picture, String text) {}
