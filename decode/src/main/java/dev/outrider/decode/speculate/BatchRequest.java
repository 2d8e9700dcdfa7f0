package dev.outrider.decode.speculate;

import dev.outrider.decode.model.Picture;
import java.util.List;

/**
 * A text to generate among others.
 *
 * @param prompt something to read, and no more than the batch's capacity; a placeholder for each picture
 * @param pictures that the prompt's placeholders stand for
 * @param seed of its random decisions, which are its own
 */
public record BatchRequest(int[] prompt, List<Picture> pictures, Sampling sampling, Limits limits, long seed) {
    public BatchRequest {
        pictures = List.copyOf(pictures);
    }

    /** A text without pictures. */
    public BatchRequest(int[] prompt, Sampling sampling, Limits limits, long seed) {
        this(prompt, List.of(), sampling, limits, seed);
    }
}
