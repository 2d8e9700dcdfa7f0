package dev.outrider.decode.model;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Vision;

/**
 * What a language model sees with.
 *
 * @param vision its projector; stays the caller's
 * @param sight of the tower that the projector reads, shared with whoever reads the same; stays the caller's
 */
public record Eyes(Vision vision, Sight sight) {
    /** @throws Failure DATA where the features are not as wide as the projector reads them */
    public Eyes {
        int width = vision.config().towerWidth();
        if (sight.channels() != width) {
            throw Failure.data(
                    "features of pictures",
                    sight.channels() + " channels",
                    width + ", which the model's projector reads",
                    "Give the tower that the model was trained with, or features of it.");
        }
    }
}
