package dev.outrider.decode.model;

import dev.outrider.checkpoints.Vision;

/**
 * What a language model sees with.
 *
 * @param vision its projector; stays the caller's
 * @param sight of the tower that the projector reads, shared with whoever reads the same; stays the caller's
 */
public record Eyes(Vision vision, Sight sight) {}
