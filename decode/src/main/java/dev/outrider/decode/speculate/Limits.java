package dev.outrider.decode.speculate;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Where a generation ends; what comes first counts.
 *
 * @param maxTokens most tokens to generate, 1 or more; the room in the target's cache is a limit as well
 * @param eosIds ids that end the text; the one that does is the last token
 * @param stops strings that end the text; found across token boundaries, and cut off the text
 * @param tokenizer turns tokens into text; needed for stops and for {@link Listener#text}
 */
public record Limits(int maxTokens, Set<Integer> eosIds, List<String> stops, Optional<Tokenizer> tokenizer) {
    public Limits {
        if (maxTokens < 1) {
            throw Failure.usage("limits", "max tokens " + maxTokens, "1 or more", "Correct the setting.");
        }
        if (stops.stream().anyMatch(String::isEmpty)) {
            throw Failure.usage("limits", "an empty stop string", "at least one character", "Leave it out.");
        }
        if (!stops.isEmpty() && tokenizer.isEmpty()) {
            throw Failure.usage(
                    "limits",
                    "stop strings " + stops + " without a tokenizer",
                    "a tokenizer that turns tokens into text",
                    "Take a model directory with a tokenizer, or stop by token ids.");
        }
        eosIds = Set.copyOf(eosIds);
        stops = List.copyOf(stops);
    }

    public Limits(int maxTokens, Set<Integer> eosIds) {
        this(maxTokens, eosIds, List.of(), Optional.empty());
    }
}
