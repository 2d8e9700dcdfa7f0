package dev.outrider.recipes;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.decode.speculate.Decoder;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Everything that a run depends on, as one YAML file says it. The stages run in this order, each from what
 * the ones before left in the run's folder: corpus, data, target, generate, pretrain, distill, export,
 * evaluate, report.
 *
 * @param run folder that gets everything; a second run of the same recipe goes on where the first ended
 * @param threads 0 uses every processor
 * @param world the procedural world as corpus, instead of files
 */
public record Recipe(
        String name,
        @Key("runs") Path run,
        @Key("1") long seed,
        @Key(value = "0", min = 0, max = 1024) int threads,
        Spark spark,
        Optional<World> world,
        Vocabulary tokenizer,
        Text text,
        Target target,
        Shape draft,
        Training pretrain,
        Generate generate,
        Distill distill,
        Export export,
        Evaluate evaluate) {

    public Recipe {
        if (run.equals(Path.of("runs"))) run = Path.of("runs", name);
        require(
                target.checkpoint().isPresent() != target.shape().isPresent(),
                "target with " + (target.checkpoint().isPresent() ? "checkpoint and shape" : "neither"),
                "either target.checkpoint (a given one) or target.shape with target.training (one to train)");
        require(
                world.isPresent() || !text.inputs().isEmpty() || text.written() > 0,
                "no text to pre-train on",
                "world, text.inputs or text.written");
        require(
                text.written() == 0 || target.checkpoint().isPresent(),
                "text.written with a target that is still to be trained",
                "a target.checkpoint that can write it");
        int longest = text.length();
        target.shape().ifPresent(s -> requireRoom("target.shape", s, longest));
        requireRoom("draft", draft, longest);
    }

    private static void requireRoom(String key, Shape shape, int length) {
        require(
                shape.maxPositions() >= length,
                key + ".max_positions " + shape.maxPositions() + " for text.length " + length,
                "at least as many positions as a row has tokens");
    }

    private static void require(boolean ok, String found, String expected) {
        if (!ok) throw Failure.usage("recipe", found, expected, "Correct one of them.");
    }

    /**
     * @param master Spark's master URL; any cluster
     * @param conf Spark settings as they are
     */
    public record Spark(
            @Key("local[*]") String master, @Key("{}") Map<String, String> conf) {}

    /**
     * @param documents texts to pre-train on
     * @param prompts questions for the target to answer
     */
    public record World(
            @Key(value = "20000", min = 1) int documents,
            @Key(value = "2000", min = 1) int prompts) {}

    /**
     * The target's tokenizer where the target is given; otherwise one is trained.
     *
     * @param size pieces, special ones and bytes included
     */
    public record Vocabulary(
            @Key(value = "1024", min = 300) int size,
            @Key("[]") List<String> specials) {}

    /** How text files hold documents. */
    public enum Format {
        FILE,
        BLOCKS,
        LINES,
        JSONL,
        PARQUET
    }

    /**
     * @param inputs files or folders
     * @param written texts that the target writes itself from nothing (temperature 1), as corpus
     * @param field of JSONL or Parquet
     * @param length tokens of a training row, T
     * @param joined whether rows may cross documents
     * @param maxRepeatedLines share of lines that repeat an earlier one; 1 switches a filter off
     * @param maxTopNgram share of the words that the most frequent 4-gram covers
     * @param maxTopCharacter share of the most frequent character
     * @param specials whether special tokens' texts in the documents become these tokens: only in text of your own
     * @param validation share of the documents held out, by their hash
     */
    public record Text(
            @Key("[]") List<Path> inputs,
            @Key(value = "0", min = 0) int written,
            @Key("blocks") Format format,
            @Key("text") String field,
            @Key(value = "256", min = 8, max = 131072) int length,
            @Key("false") boolean joined,
            @Key(value = "20", min = 0) int minCharacters,
            @Key(value = "1000000", min = 1) int maxCharacters,
            @Key(value = "0.3", min = 0.001, max = 1) double maxRepeatedLines,
            @Key(value = "0.2", min = 0.001, max = 1) double maxTopNgram,
            @Key(value = "0.4", min = 0.001, max = 1) double maxTopCharacter,
            @Key("false") boolean specials,
            @Key(value = "0.02", min = 0.0001, max = 0.5) double validation) {}

    /** A given target, or the shape and training of one to make. */
    public record Target(Optional<Path> checkpoint, Optional<Shape> shape, Optional<Training> training) {
        public Target {
            require(
                    shape.isPresent() == training.isPresent(),
                    "target.shape " + (shape.isPresent() ? "without" : "absent but with") + " target.training",
                    "both or neither");
        }

        /** As {@link Training#essence()}. */
        public Target essence() {
            return new Target(checkpoint, shape, training.map(Training::essence));
        }
    }

    /**
     * A LLaMA's shape; the vocabulary is the tokenizer's.
     *
     * @param hidden C
     * @param intermediate I of the SwiGLU
     * @param kvHeads 0: as many as heads
     */
    public record Shape(
            @Key(value = "", min = 1) int layers,
            @Key(value = "", min = 8) int hidden,
            @Key(value = "", min = 8) int intermediate,
            @Key(value = "", min = 1) int heads,
            @Key(value = "0", min = 0) int kvHeads,
            @Key("false") boolean tied,
            @Key(value = "2048", min = 16) int maxPositions) {
        public Shape {
            require(hidden % heads == 0, "hidden " + hidden + " over " + heads + " heads", "a multiple of heads");
            require(
                    hidden / heads % 2 == 0,
                    "heads of " + hidden / heads + " channels",
                    "an even number (rotary pairs): hidden / heads");
            require(
                    kvHeads == 0 || heads % kvHeads == 0,
                    heads + " heads over " + kvHeads + " kv_heads",
                    "a number of kv_heads that divides heads");
        }

        /** As a model of {@code vocabulary} rows. */
        public ModelConfig config(int vocabulary, int bos, List<Integer> eos) {
            ModelConfig plain =
                    ModelConfig.draft(vocabulary, hidden, intermediate, layers, heads, maxPositions, bos, -1);
            return new ModelConfig(
                    plain.vocabSize(),
                    hidden,
                    intermediate,
                    layers,
                    heads,
                    kvHeads == 0 ? heads : kvHeads,
                    plain.headDim(),
                    maxPositions,
                    plain.rmsNormEps(),
                    plain.ropeTheta(),
                    plain.ropeScaling(),
                    tied,
                    false,
                    false,
                    bos,
                    eos,
                    plain.dtype());
        }
    }

    /** Decay of the learning rate after the warm-up. */
    public enum Decline {
        COSINE,
        LINEAR,
        CONSTANT
    }

    /**
     * @param steps optimiser steps
     * @param batch rows of a step
     * @param microBatch rows of one pass; 0: all of them
     * @param rate highest learning rate
     * @param minimum share of the highest rate that is left at the end
     * @param clip gradient norm
     * @param validationRows rows that validation reads
     * @param spike losses so many spreads above the usual, several in a row, stop the run; 0: only NaN does
     */
    public record Training(
            @Key(value = "", min = 1) long steps,
            @Key(value = "", min = 1) int batch,
            @Key(value = "0", min = 0) int microBatch,
            @Key(value = "", min = 0) double rate,
            @Key("cosine") Decline schedule,
            @Key(value = "0", min = 0) long warmup,
            @Key(value = "0.1", min = 0, max = 1) double minimum,
            @Key(value = "0.9", min = 0, max = 0.999999) double beta1,
            @Key(value = "0.95", min = 0, max = 0.999999) double beta2,
            @Key(value = "1e-8", min = 0) double epsilon,
            @Key(value = "0.1", min = 0) double decay,
            @Key(value = "1", min = 0) double clip,
            @Key(value = "0", min = 0) long validateEvery,
            @Key(value = "32", min = 1) int validationRows,
            @Key(value = "0", min = 0) long saveEvery,
            @Key(value = "2", min = 1) int keep,
            @Key(value = "10", min = 0) double spike) {
        public Training {
            require(warmup <= steps, "warmup " + warmup + " for " + steps + " steps", "at most as many as steps");
        }

        /** Without what may change while a training goes on: how often it looks and saves, and how much at a time. */
        public Training essence() {
            return new Training(
                    steps, batch, 0, rate, schedule, warmup, minimum, beta1, beta2, epsilon, decay, clip, 0, 1, 0, 1,
                    0);
        }
    }

    /**
     * The target's own answers.
     *
     * @param prompts JSONL files with id, prompt and perhaps task; not needed with a world
     * @param openings prompts that the target writes itself: the first tokens of texts from nothing
     * @param openingTokens their length
     * @param samples answers per prompt and temperature above 0
     * @param evaluation share of the prompts kept for evaluation, by their hash; never trained on
     */
    public record Generate(
            @Key("[]") List<Path> prompts,
            @Key(value = "0", min = 0) int openings,
            @Key(value = "8", min = 1) int openingTokens,
            @Key(value = "[0, 0.3, 0.7, 1.0]", min = 0) List<Double> temperatures,
            @Key(value = "0.95", min = 0.01, max = 1) double topP,
            @Key(value = "128", min = 1) int maxTokens,
            @Key(value = "1", min = 1) int samples,
            @Key(value = "0.1", min = 0.001, max = 0.9) double evaluation) {
        public Generate {
            require(!temperatures.isEmpty(), "no generate.temperatures", "at least one");
        }
    }

    /** What alignment minimises between target law p and draft law q. */
    public enum Loss {
        CE("ce"),
        KL("kl"),
        REVERSE_KL("reverse_kl"),
        JSD("jsd"),
        TVD("tvd"),
        TVDPP("tvd++"),
        LK("lk_hybrid");

        private final String spelling;

        Loss(String spelling) {
            this.spelling = spelling;
        }

        @Override
        public String toString() {
            return spelling;
        }
    }

    /** Over what TVD++ takes the mean and deviation of its reward. */
    public enum Scope {
        POSITION,
        SEQUENCE,
        BATCH
    }

    /**
     * @param warmupLoss what the first warmup_steps minimise: TVD stalls far from the target
     * @param samples 0: exact expectation over the vocabulary; otherwise tokens drawn per position
     * @param temperature of both laws
     * @param share of distillation rows in a batch; the rest is pre-training text
     */
    public record Distill(
            @Key("tvd++") Loss loss,
            @Key("batch") Scope scope,
            @Key(value = "0", min = 0) int samples,
            @Key(value = "1", min = 0.01) double temperature,
            @Key("kl") Loss warmupLoss,
            @Key(value = "0", min = 0) long warmupSteps,
            @Key(value = "0.9", min = 0.01, max = 1) double share,
            Training training) {
        /** As {@link Training#essence()}. */
        public Distill essence() {
            return new Distill(loss, scope, samples, temperature, warmupLoss, warmupSteps, share, training.essence());
        }
    }

    /** Type that exported weights are stored in. */
    public enum Stored {
        F32,
        BF16,
        F16
    }

    /**
     * @param gguf types in which the drafts are written as GGUF as well; tokenizers trained here have no place in
     *     one, as llama.cpp ranks pieces and not merges
     * @param padVocabulary rows that the drafts are given, as many as the target's servers ask for; 0 for the
     *     tokenizer's own
     */
    public record Export(
            @Key("bf16") Stored dtype,
            @Key("[]") List<GgufStored> gguf,
            @Key(value = "0", min = 0) int padVocabulary) {}

    /** Types of matrices in a GGUF. */
    public enum GgufStored {
        BF16,
        F32,
        F16,
        Q8_0
    }

    /**
     * @param gammas draft lengths
     * @param temperatures 0 is greedy
     * @param prompts how many held-out prompts of each task
     */
    public record Evaluate(
            @Key(value = "[1, 2, 3, 4, 5, 6, 7, 8]", min = 1, max = Decoder.MAX_GAMMA)
            List<Integer> gammas,

            @Key(value = "[0, 1]", min = 0) List<Double> temperatures,
            @Key(value = "1", min = 0.01, max = 1) double topP,
            @Key(value = "16", min = 1) int prompts,
            @Key(value = "128", min = 2) int maxTokens) {
        public Evaluate {
            require(!gammas.isEmpty(), "no evaluate.gammas", "at least one");
            require(!temperatures.isEmpty(), "no evaluate.temperatures", "at least one");
        }
    }
}
