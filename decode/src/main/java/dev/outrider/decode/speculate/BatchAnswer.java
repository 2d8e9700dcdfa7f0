package dev.outrider.decode.speculate;

import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.speculate.Generation.Finish;
import java.util.Optional;

/**
 * What became of a request.
 *
 * @param tokens generated ids, an ending EOS included
 * @param finish why it ended; null if it failed
 * @param text the tokens' text without EOS, cut before a stop string; empty without a tokenizer
 * @param laws what the target thought at each token
 * @param failure why there is no whole answer: logits that are no numbers, pictures that cannot be read
 */
public record BatchAnswer(
        BatchRequest request, int[] tokens, Finish finish, String text, TopLaws laws, Optional<Failure> failure) {}
