package dev.outrider.decode.speculate;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.tokenizer.Tokenizer;

/**
 * Whether a draft's ids mean what the target's mean. Equal vocabulary sizes are not enough: a draft with
 * another tokenizer of the same size decodes without an error and is never accepted.
 */
public final class Compatibility {
    private Compatibility() {}

    /**
     * @param draftPlace where the draft comes from, for the message
     * @throws Failure USAGE if the two turn text into different ids
     */
    public static void require(String draftPlace, Tokenizer draft, String targetPlace, Tokenizer target) {
        if (draft.hash().equals(target.hash())) return;
        throw Failure.usage(
                draftPlace,
                "a tokenizer of " + draft.size() + " tokens with hash " + draft.hash(),
                "that of " + targetPlace + ": " + target.size() + " tokens with hash " + target.hash(),
                "Draft and target must share one tokenizer: take a draft trained for this target.");
    }
}
