package dev.outrider.checkpoints.tokenizer;

import dev.outrider.checkpoints.Failure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The {@code tokenizer.json} of Hugging Face {@code tokenizers}, as far as the LLaMA family uses it:
 * byte-pair encoding with byte fallback over the whole text (LLaMA), and byte-level byte-pair encoding of words
 * (GPT-2, Llama 3, Qwen2, SmolLM), and unigram. Every other kind is refused by name.
 */
public final class TokenizerJson {
    static final String FILE = "tokenizer.json";

    private TokenizerJson() {}

    /**
     * @param path tokenizer.json or the directory it lies in; tokenizer_config.json beside it names begin and
     *     end, otherwise the template and {@code </s>} do
     * @throws Failure DATA for a damaged file or an unsupported kind of tokenizer
     */
    public static Tokenizer read(Path path) {
        return new TokenizerJsonReader(Files.isDirectory(path) ? path.resolve(FILE) : path).read();
    }

    /**
     * Writes tokenizer.json, tokenizer_config.json (with the chat template of a GGUF) and
     * special_tokens_map.json, which Hugging Face {@code AutoTokenizer} loads. A tokenizer that was read from a
     * tokenizer.json which is still the same is copied with all that lies beside it for this purpose.
     *
     * @throws Failure USAGE for a tokenizer that this format cannot express
     */
    public static void write(Path directory, Tokenizer tokenizer) throws IOException {
        if (!(tokenizer instanceof PieceTokenizer pieces)) {
            throw Failure.usage(
                    directory.resolve(FILE).toString(),
                    "a " + tokenizer.getClass().getSimpleName(),
                    "a tokenizer read or trained by Outrider",
                    "Copy the tokenizer's own files instead.");
        }
        new TokenizerJsonWriter(directory, pieces).write();
    }
}
