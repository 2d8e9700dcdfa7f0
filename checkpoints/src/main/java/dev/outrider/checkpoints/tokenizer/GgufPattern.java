package dev.outrider.checkpoints.tokenizer;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * What {@code tokenizer.ggml.pre} names: the patterns of llama.cpp (llama-vocab.cpp), by the name that is written
 * first. Normalisation form C, which llama.cpp leaves out, is kept where the model's own tokenizer has it.
 */
enum GgufPattern {
    GPT_2(List.of(Splitter.GPT2), false, false, "gpt-2", "phi-2", "mpt", "olmo", "jais"),
    SMOLLM(List.of(Splitter.DIGITS, Splitter.GPT2), false, false, "smollm", "starcoder", "refact", "command-r"),
    LLAMA_BPE(List.of(Splitter.LLAMA3), false, true, "llama-bpe", "llama3", "llama-v3", "falcon3"),
    DBRX(List.of(Splitter.LLAMA3), false, false, "dbrx", "smaug-bpe"),
    QWEN2(List.of(Splitter.QWEN2), true, false, "qwen2", "deepseek-r1-qwen"),
    STABLELM2(List.of(Splitter.QWEN2), false, false, "stablelm2"),
    DEFAULT(List.of(Splitter.PUNCTUATION, Splitter.GPT2, Splitter.NUMBERS, Splitter.TRIPLES), false, false, "default");

    private final List<Splitter> splitters;
    private final boolean composes;
    private final boolean wholeWords;
    private final List<String> names;

    GgufPattern(List<Splitter> splitters, boolean composes, boolean wholeWords, String... names) {
        this.splitters = splitters;
        this.composes = composes;
        this.wholeWords = wholeWords;
        this.names = List.of(names);
    }

    static Optional<GgufPattern> of(String name) {
        return Arrays.stream(values()).filter(p -> p.names.contains(name)).findFirst();
    }

    /** The one that a model does the same as, if any. */
    static Optional<GgufPattern> of(ByteLevelBpe bpe) {
        return Arrays.stream(values())
                .filter(p -> p.splitters.equals(bpe.splitters())
                        && p.composes == bpe.composes()
                        && p.wholeWords == bpe.wholeWords())
                .findFirst();
    }

    static List<String> names() {
        return Arrays.stream(values()).flatMap(p -> p.names.stream()).toList();
    }

    /** How it is written. */
    String first() {
        return names.getFirst();
    }

    ByteLevelBpe model(Vocabulary vocabulary, Merges merges) {
        return new ByteLevelBpe(vocabulary, merges, splitters, composes, wholeWords);
    }
}
