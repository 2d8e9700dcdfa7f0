package dev.outrider.checkpoints;

import dev.outrider.checkpoints.VisionNames.Part;
import dev.outrider.checkpoints.chat.ChatTemplate;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.checkpoints.tokenizer.Tokenizers;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A model on disk, opened for reading: its shape, its tensors under their Hugging Face names, its
 * tokenizer. Weights stay where they are, mapped into memory, and are checked on opening: every tensor of
 * the configuration is there in its shape, and none is left over. Safe for use by several threads.
 */
public final class Checkpoint implements AutoCloseable {
    private static final long CHUNK = 1 << 26;
    private static final String GGUF = ".gguf";
    private final Path path;
    private final ModelConfig config;
    private final Weights weights;
    private final Set<String> names;
    private final Optional<DraftVocabulary> outputs;
    private Optional<Tokenizer> tokenizer;
    private final Weights files;
    private final Optional<Vision> vision;
    private String hash;

    private Checkpoint(Path path, ModelConfig config, Weights weights) {
        this(path, config, weights, weights, Optional.empty());
    }

    /** files: closed with this; weights: the language model's, among them. */
    private Checkpoint(Path path, ModelConfig config, Weights weights, Weights files, Optional<Vision> vision) {
        this.files = files;
        this.vision = vision;
        this.path = path;
        this.config = config;
        this.weights = weights;
        Set<String> all = new LlamaLayout(config).shapes().keySet();
        all.removeIf(name -> LlamaLayout.optional(name) && !weights.names().contains(name));
        this.names = Collections.unmodifiableSet(all);
        this.outputs = config.pruned() ? Optional.of(DraftVocabulary.read(weights, config)) : Optional.empty();
    }

    /**
     * Opens a Hugging Face directory of a LlamaForCausalLM, a {@code .gguf} of a LLaMA, a llama2.c
     * {@code .bin}, or the directory of a LLaVA, as transformers or as the LLaVA repository writes it: shape and tensors are
     * then its language model's, and {@link #vision} is there. Quantised tensors of a GGUF are float32 here, each made
     * when it is first asked for.
     *
     * @throws Failure USAGE where the path is no model, DATA where the model is damaged or another
     */
    public static Checkpoint open(Path path) {
        if (!Files.exists(path)) throw noModel(path, "nothing");
        if (!Files.isDirectory(path) && path.toString().endsWith(".bin")) return llama2c(path);
        if (!Files.isDirectory(path) && path.toString().endsWith(GGUF)) return gguf(path);
        if (!Files.isDirectory(path)) throw noModel(path, "a file of another kind");
        if (!Files.exists(path.resolve(HuggingFaceConfig.FILE))) throw noModel(path, "a folder without config.json");
        return directory(path);
    }

    private static Failure noModel(Path path, String found) {
        return Failure.usage(
                path.toString(),
                found,
                "a Hugging Face directory (config.json, model.safetensors), a GGUF (.gguf) or a llama2.c file (.bin)",
                "Give the path of a model.");
    }

    private static Checkpoint directory(Path folder) {
        Keys keys = Json.read(folder.resolve(HuggingFaceConfig.FILE));
        if (LlavaConfig.is(keys)) return llava(folder, LlavaConfig.read(folder, keys));
        ModelConfig config = HuggingFaceConfig.language(folder, keys);
        Weights weights = HuggingFaceWeights.open(folder);
        try {
            new LlamaLayout(config).check(weights);
            return new Checkpoint(folder, config.storedAs(weights.dtype(LlamaLayout.EMBEDDING)), weights);
        } catch (RuntimeException e) {
            weights.close();
            throw e;
        }
    }

    private static Checkpoint llava(Path folder, LlavaConfig config) {
        Weights files = HuggingFaceWeights.open(folder);
        try {
            Map<Part, RenamedWeights> parts = VisionNames.parts(files);
            Weights language = parts.get(Part.LANGUAGE);
            new LlamaLayout(config.language()).check(language);
            Optional<Tower> tower = config.tower().map(shape -> Tower.within(folder, shape, parts.get(Part.TOWER)));
            Vision vision = new Vision(folder, config.vision(), parts.get(Part.PROJECTOR), tower);
            ModelConfig stored = config.language().storedAs(language.dtype(LlamaLayout.EMBEDDING));
            return new Checkpoint(folder, stored, language, files, Optional.of(vision));
        } catch (RuntimeException e) {
            files.close();
            throw e;
        }
    }

    private static Checkpoint llama2c(Path file) {
        Llama2c weights = Llama2c.open(file);
        return new Checkpoint(file, weights.config(), weights);
    }

    private static Checkpoint gguf(Path file) {
        GgufWeights weights = GgufWeights.open(file);
        try {
            new LlamaLayout(weights.config()).check(weights);
            return new Checkpoint(file, weights.config(), weights);
        } catch (RuntimeException e) {
            weights.close();
            throw e;
        }
    }

    /** What {@link #open} was given. */
    public Path path() {
        return path;
    }

    /** The shape; its dtype is the type that the embedding is really stored in. */
    public ModelConfig config() {
        return config;
    }

    /** What the model sees with, if it does. */
    public Optional<Vision> vision() {
        return vision;
    }

    /** The tokens that the model can say, where these are not all that it reads. */
    public Optional<DraftVocabulary> outputs() {
        return outputs;
    }

    /**
     * The tensors of the configuration, from the embedding to the head; no {@code lm_head.weight} when tied,
     * {@code d2t} and perhaps {@code t2d} where only some tokens can be said.
     */
    public Set<String> names() {
        return names;
    }

    public boolean has(String name) {
        return names.contains(name);
    }

    /**
     * A view of the mapped weights, matrices as [out, in], queries and keys in half-split rotary order;
     * valid until close.
     *
     * @throws Failure DATA where there is no such tensor
     */
    public Tensor tensor(String name) {
        return weights.tensor(name);
    }

    /** A tensor's shape, without making its values. */
    public long[] shape(String name) {
        return weights.shape(name);
    }

    /** The name of the type that a tensor is stored in, such as BF16 or, in a GGUF, Q4_1. */
    public String storedType(String name) {
        return weights.storage(name).type();
    }

    /** Bytes of a tensor in its file. */
    public long storedBytes(String name) {
        return weights.storage(name).bytes();
    }

    /** The tokenizer in the directory, or beside the file; read when first asked for. */
    public synchronized Optional<Tokenizer> tokenizer() {
        if (tokenizer == null) tokenizer = Tokenizers.open(path);
        return tokenizer;
    }

    /** @throws Failure DATA where there is none, or one with more ids than the model has rows */
    public Tokenizer requireTokenizer() {
        Tokenizer found = tokenizer()
                .orElseThrow(() -> Failure.data(
                        path.toString(),
                        "no tokenizer",
                        "tokenizer.json or tokenizer.model",
                        "Copy the model's tokenizer files into the folder."));
        if (found.size() <= config.vocabSize()) return found;
        throw Failure.data(
                path.toString(),
                "a tokenizer of " + found.size() + " ids for a vocabulary of " + config.vocabSize(),
                "at most as many ids as the model has rows",
                "Use the tokenizer that the model was trained with.");
    }

    /** The chat template that lies with the model, or in its GGUF. */
    public Optional<ChatTemplate> chatTemplate() {
        return ChatTemplate.find(path);
    }

    /** sha256 over configuration and weights: the same for the same model, however cut into files. Reads all of it. */
    public synchronized String hash() {
        if (hash == null) hash = computeHash();
        return hash;
    }

    private String computeHash() {
        MessageDigest digest = Hash.sha256();
        digest.update(config.toString().getBytes(StandardCharsets.UTF_8));
        for (String name : names) update(digest, tensor(name));
        vision.ifPresent(v -> update(digest, v));
        return HexFormat.of().formatHex(digest.digest());
    }

    private static void update(MessageDigest digest, Vision vision) {
        digest.update(vision.config().toString().getBytes(StandardCharsets.UTF_8));
        for (String name : vision.projectorNames()) update(digest, vision.projector(name));
        if (!vision.hasTower()) return;
        digest.update(vision.tower().config().toString().getBytes(StandardCharsets.UTF_8));
        for (String name : vision.tower().names()) update(digest, vision.tower().tensor(name));
    }

    private static void update(MessageDigest digest, Tensor t) {
        String head = t.name() + " " + t.dtype() + " " + Arrays.toString(t.shape());
        digest.update(head.getBytes(StandardCharsets.UTF_8));
        update(digest, t.data());
    }

    private static void update(MessageDigest digest, MemorySegment data) {
        for (long at = 0; at < data.byteSize(); at += CHUNK) {
            digest.update(
                    data.asSlice(at, Math.min(CHUNK, data.byteSize() - at)).asByteBuffer());
        }
    }

    /** Unmaps the weights; tensors of this checkpoint must not be used any more. */
    @Override
    public void close() {
        vision.ifPresent(Vision::close);
        files.close();
    }
}
