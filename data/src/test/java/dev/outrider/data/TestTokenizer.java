package dev.outrider.data;

import dev.outrider.checkpoints.tokenizer.BpeTrainer;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.checkpoints.tokenizer.TokenizerJson;
import dev.outrider.checkpoints.tokenizer.Words;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/** A small tokenizer with byte fallback, trained on a few words. */
public final class TestTokenizer {
    private TestTokenizer() {}

    public static Tokenizer train() {
        String text = "the story of a small river that went again and again to the sea";
        Map<String, Long> counts =
                Words.split(text).stream().collect(Collectors.groupingBy(Function.identity(), Collectors.counting()));
        return BpeTrainer.train(counts, 300, List.of());
    }

    /** Writes it into the folder. */
    public static Path write(Path folder) {
        try {
            TokenizerJson.write(folder, train());
            return folder;
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
