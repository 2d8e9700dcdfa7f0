package dev.outrider.checkpoints;

import dev.outrider.checkpoints.chat.ChatTemplate;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A model of any format that can be read, written as a Hugging Face directory or as a GGUF, whichever the target's
 * name asks for, with its tokenizer and chat template, and beside it where it came from.
 */
public final class Conversion {
    private static final String GGUF = ".gguf";

    private Conversion() {}

    /**
     * @param target a new path; one that ends in .gguf becomes a file, any other a directory
     * @param stored F32, F16, BF16, or for a GGUF Q8_0; empty for the source's own type
     * @return the type that was written
     * @throws Failure USAGE where the target exists already or cannot have the type; DATA where the source is damaged
     */
    public static GgufType convert(Path source, Path target, Optional<GgufType> stored, Provenance provenance) {
        if (Files.exists(target)) {
            throw Failure.usage(target.toString(), "something there already", "a new path", "Choose another path.");
        }
        try (Checkpoint checkpoint = Checkpoint.open(source)) {
            GgufType type = stored.orElse(GgufType.of(checkpoint.config().dtype()));
            List<Tensor> tensors =
                    checkpoint.names().stream().map(checkpoint::tensor).toList();
            if (isGguf(target)) {
                gguf(target, checkpoint, checkpoint.config(), tensors, type);
                provenance.writeBeside(target);
            } else {
                directory(target, checkpoint, tensors, type, provenance);
            }
            return type;
        }
    }

    static boolean isGguf(Path path) {
        return path.getFileName().toString().endsWith(GGUF);
    }

    private static void directory(
            Path target, Checkpoint source, List<Tensor> tensors, GgufType type, Provenance provenance) {
        DType plain = type.plain()
                .orElseThrow(() -> Failure.usage(
                        target.toString(),
                        "type " + type + " for a Hugging Face directory",
                        "F32, F16 or BF16",
                        "Name one of these, or a target that ends in " + GGUF + "."));
        HuggingFace.write(target, source.config(), tensors, plain, source.tokenizer(), Optional.of(provenance));
    }

    /**
     * A model as GGUF, with the tokenizer and the chat template of a checkpoint.
     *
     * @param config and its tensors: the checkpoint's, or what was made of them
     * @throws Failure as {@link Gguf#write}
     */
    public static void gguf(
            Path target, Checkpoint checkpoint, ModelConfig config, List<Tensor> tensors, GgufType stored) {
        Gguf.write(target, config, tensors, stored, name(checkpoint.path()), vocabulary(checkpoint));
    }

    private static String name(Path path) {
        String last = path.toAbsolutePath().normalize().getFileName().toString();
        return last.endsWith(GGUF) ? last.substring(0, last.length() - GGUF.length()) : last;
    }

    private static GgufVocabulary vocabulary(Checkpoint checkpoint) {
        Optional<Tokenizer> tokenizer = checkpoint.tokenizer();
        Optional<String> template = checkpoint.chatTemplate().map(ChatTemplate::source);
        return tokenizer.map(GgufVocabulary::of).orElse(GgufVocabulary.none()).withTemplate(template);
    }
}
