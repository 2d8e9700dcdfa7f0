package dev.outrider.trainer.clip;

import dev.outrider.checkpoints.ClipConfig;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ModelConfig;

/**
 * The shape of a CLIP in training.
 *
 * @param pictures the vision half, which is what is kept
 * @param captions the text half: blocks of a LLaMA, without a head
 * @param width E, of the space where pictures and captions meet
 */
public record ClipShape(ClipConfig pictures, ModelConfig captions, int width) {
    /** @throws Failure USAGE where the text half is to have a head, tied or of fewer tokens, or the width is none */
    public ClipShape {
        if (captions.tiedEmbeddings() || captions.pruned()) {
            throw Failure.usage(
                    "caption model",
                    captions.tiedEmbeddings() ? "tied embeddings" : "a vocabulary of a draft's own",
                    "neither: captions are read, not written",
                    "Leave it out of the shape.");
        }
        if (width < 1) {
            throw Failure.usage("width of the shared space", width + "", "at least 1", "Choose 64, say.");
        }
    }
}
