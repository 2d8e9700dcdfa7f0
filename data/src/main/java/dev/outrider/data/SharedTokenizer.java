package dev.outrider.data;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.tokenizer.SentencePiece;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.checkpoints.tokenizer.TokenizerJson;
import dev.outrider.checkpoints.tokenizer.Tokenizers;
import java.io.Serializable;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A tokenizer that Spark tasks can use: sent as path and hash, opened at most once per process, and refused
 * where the file at the path is another one than the driver's.
 */
public record SharedTokenizer(String path, String hash) implements Serializable {
    private static final Map<String, Tokenizer> OPEN = new ConcurrentHashMap<>();

    /** Opens the tokenizer of a model directory, or a tokenizer file; Failure DATA if there is none. */
    public static SharedTokenizer open(Path path) {
        return share(path, read(path));
    }

    /** One that is open already, and that others find at the path. */
    public static SharedTokenizer share(Path path, Tokenizer tokenizer) {
        OPEN.put(tokenizer.hash(), tokenizer);
        return new SharedTokenizer(path.toAbsolutePath().toString(), tokenizer.hash());
    }

    public Tokenizer tokenizer() {
        return OPEN.computeIfAbsent(hash, h -> same(read(Path.of(path))));
    }

    private Tokenizer same(Tokenizer found) {
        if (found.hash().equals(hash)) return found;
        throw Failure.data(
                path,
                "tokenizer " + found.hash(),
                "tokenizer " + hash + " of the driver",
                "Give every machine the same files.");
    }

    private static Tokenizer read(Path path) {
        if (path.toString().endsWith(".json")) return TokenizerJson.read(path);
        if (path.toString().endsWith(".model")) return SentencePiece.read(path);
        return Tokenizers.open(path)
                .orElseThrow(() -> Failure.data(
                        path.toString(),
                        "no tokenizer",
                        "tokenizer.json or tokenizer.model",
                        "Name a model directory with its tokenizer files."));
    }
}
