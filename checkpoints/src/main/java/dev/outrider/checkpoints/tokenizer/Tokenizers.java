package dev.outrider.checkpoints.tokenizer;

import dev.outrider.checkpoints.DiskFailures;
import dev.outrider.checkpoints.Failure;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/** Finds the tokenizer that belongs to a model. */
public final class Tokenizers {
    private static final int VOCAB_SIZE_AT = 5 * 4;

    private Tokenizers() {}

    /**
     * The tokenizer in a model's directory, in a GGUF file, or beside a llama2.c {@code .bin}; empty where there is none.
     * In a directory tokenizer.json goes before tokenizer.model; beside a .bin one of its vocabulary size
     * is looked for in {@code tok<size>.bin}, {@code tokenizer.bin}, tokenizer.model, tokenizer.json.
     *
     * @throws Failure DATA where the file found cannot be read
     */
    public static Optional<Tokenizer> open(Path model) {
        if (Files.isDirectory(model)) return directory(model);
        if (model.getFileName().toString().endsWith(".gguf")) return GgufTokenizer.read(model);
        Path folder = model.toAbsolutePath().getParent();
        int size = vocabularySize(model);
        return Stream.of("tok" + size + ".bin", "tokenizer.bin", "tokenizer.model", "tokenizer.json")
                .map(folder::resolve)
                .filter(Files::exists)
                .map(Tokenizers::read)
                .filter(t -> t.size() == size)
                .findFirst();
    }

    private static Optional<Tokenizer> directory(Path folder) {
        return Stream.of("tokenizer.json", "tokenizer.model")
                .map(folder::resolve)
                .filter(Files::exists)
                .findFirst()
                .map(Tokenizers::read);
    }

    private static Tokenizer read(Path file) {
        String name = file.getFileName().toString();
        if (name.endsWith(".json")) return TokenizerJson.read(file);
        return name.endsWith(".model") ? SentencePiece.read(file) : Llama2cTokenizer.read(file);
    }

    // Header of llama2.c: seven int32, the sixth the vocabulary size, negative where the head is not tied.
    private static int vocabularySize(Path bin) {
        ByteBuffer header = ByteBuffer.allocate(28).order(ByteOrder.LITTLE_ENDIAN);
        try (FileChannel channel = FileChannel.open(bin)) {
            while (header.hasRemaining() && channel.read(header) >= 0) {}
        } catch (IOException e) {
            throw DiskFailures.reading(bin, e);
        }
        if (header.hasRemaining()) {
            throw Failure.data(bin.toString(), header.position() + " bytes", "a llama2.c model", "Get it again.");
        }
        return Math.abs(header.getInt(VOCAB_SIZE_AT));
    }
}
