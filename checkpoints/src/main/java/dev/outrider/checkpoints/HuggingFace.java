package dev.outrider.checkpoints;

import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.checkpoints.tokenizer.TokenizerJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Writes the directory that Hugging Face, vLLM, SGLang and llama.cpp's converter read: config.json,
 * generation_config.json, weights, tokenizer files, and beside them where it all came from. The tensors are
 * checked against the configuration first: what this writes, {@link Checkpoint} opens.
 */
public final class HuggingFace {
    /** Weights beyond this go into several files, as with transformers. */
    public static final long SHARD_BYTES = 5_000_000_000L;

    private HuggingFace() {}

    /** Writes the whole directory atomically, weights as config.dtype(). */
    public static void write(
            Path directory,
            ModelConfig config,
            List<Tensor> tensors,
            Optional<Tokenizer> tokenizer,
            Optional<Provenance> provenance) {
        write(directory, config, tensors, config.dtype(), tokenizer, provenance);
    }

    /** Writes the whole directory atomically, weights as F32, BF16 or F16. */
    public static void write(
            Path directory,
            ModelConfig config,
            List<Tensor> tensors,
            DType stored,
            Optional<Tokenizer> tokenizer,
            Optional<Provenance> provenance) {
        write(directory, config, tensors, stored, SHARD_BYTES, tokenizer, provenance);
    }

    /**
     * Writes the whole directory atomically, replacing an old one.
     *
     * @param tensors all of the configuration's, by their Hugging Face names, in F32, BF16 or F16
     * @param stored the type they are rounded to, half to even
     * @param shardBytes largest file of weights, but for a single larger tensor
     * @throws Failure DATA where tensors and configuration do not fit, or a value is out of the type's range;
     *     MACHINE or USAGE where the directory cannot be written
     */
    public static void write(
            Path directory,
            ModelConfig config,
            List<Tensor> tensors,
            DType stored,
            long shardBytes,
            Optional<Tokenizer> tokenizer,
            Optional<Provenance> provenance) {
        refuseOther(directory);
        AtomicFiles.directory(
                directory, folder -> files(folder, config, tensors, stored, shardBytes, tokenizer, provenance));
    }

    // Replacing a folder deletes what is in it: only a model may go that way.
    static void refuseOther(Path directory) {
        if (!Files.isDirectory(directory) || Files.exists(directory.resolve(HuggingFaceConfig.FILE))) return;
        try (var entries = Files.list(directory)) {
            if (entries.findAny().isEmpty()) return;
        } catch (IOException e) {
            throw DiskFailures.writing(directory, e);
        }
        throw Failure.usage(
                directory.toString(),
                "a folder with other things in it",
                "a new folder, an empty one, or an older model to replace",
                "Choose another path.");
    }

    /**
     * Writes the same files into a folder that somebody else makes appear whole (a step's, say).
     *
     * @throws Failure as {@link #write}
     */
    public static void writeFiles(
            Path folder,
            ModelConfig config,
            List<Tensor> tensors,
            DType stored,
            Optional<Tokenizer> tokenizer,
            Optional<Provenance> provenance)
            throws IOException {
        files(folder, config, tensors, stored, SHARD_BYTES, tokenizer, provenance);
    }

    private static void files(
            Path folder,
            ModelConfig config,
            List<Tensor> tensors,
            DType stored,
            long shardBytes,
            Optional<Tokenizer> tokenizer,
            Optional<Provenance> provenance)
            throws IOException {
        new HuggingFaceWriter(HuggingFaceWriter.checked(config, tensors), stored, shardBytes).write(folder);
        HuggingFaceConfig.write(folder, config.storedAs(stored));
        if (tokenizer.isPresent()) TokenizerJson.write(folder, tokenizer.get());
        provenance.ifPresent(p -> p.write(folder));
    }
}
