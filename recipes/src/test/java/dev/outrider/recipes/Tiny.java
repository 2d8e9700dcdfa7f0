package dev.outrider.recipes;

import dev.outrider.checkpoints.HuggingFace;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Models;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.tokenizer.BpeTrainer;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Models, corpora and a recipe that are whole but take no time. */
final class Tiny {
    private static final String[] WORDS = "the cat sat on a mat and looked at some dog who ran".split(" ");

    private Tiny() {}

    static Tokenizer tokenizer(int size, String words) {
        Map<String, Long> counts = Arrays.stream(words.split(" "))
                .collect(Collectors.groupingBy(Function.identity(), Collectors.counting()));
        return BpeTrainer.train(counts, size, List.of());
    }

    static Tokenizer tokenizer() {
        return tokenizer(280, String.join(" ", WORDS));
    }

    /** A random LLaMA with 64 positions. */
    static Path model(Path folder, int vocabulary, Optional<Tokenizer> tokenizer) {
        ModelConfig config = ModelConfig.draft(vocabulary, 16, 24, 1, 2, 64, 1, 2);
        var random = Seeds.generator(7);
        HuggingFace.write(folder, config, Models.tensors(config, random), tokenizer, Optional.empty());
        return folder;
    }

    static Path model(Path folder) {
        Tokenizer tokenizer = tokenizer();
        return model(folder, tokenizer.size(), Optional.of(tokenizer));
    }

    /** Texts, prompts and the recipe that uses them; its run folder is {@code run} beside it. */
    static Path recipe(Path folder) throws IOException {
        Files.writeString(folder.resolve("text.jsonl"), lines("text", 60, 30));
        Files.writeString(folder.resolve("prompts.jsonl"), lines("prompt", 40, 4));
        return Files.writeString(folder.resolve("tiny.yaml"), """
                name: tiny
                run: FOLDER/run
                spark: {master: "local[2]"}
                text: {inputs: [FOLDER/text.jsonl], format: jsonl, length: 32, min_characters: 1, validation: 0.2}
                tokenizer: {size: 300}
                target:
                  shape: {layers: 1, hidden: 16, intermediate: 32, heads: 2}
                  training: {steps: 3, batch: 2, rate: 1e-3}
                draft: {layers: 1, hidden: 8, intermediate: 16, heads: 1}
                pretrain: {steps: 6, batch: 2, rate: 1e-3, save_every: 2}
                generate: {prompts: [FOLDER/prompts.jsonl], temperatures: [0], max_tokens: 8, evaluation: 0.3}
                distill:
                  training: {steps: 3, batch: 2, rate: 1e-3}
                evaluate: {gammas: [2], temperatures: [0], prompts: 2, max_tokens: 8}
                """.replace("FOLDER", folder.toString()));
    }

    private static String lines(String field, int count, int words) {
        RandomGenerator random = Seeds.generator(count);
        return IntStream.range(0, count)
                .mapToObj(i -> IntStream.range(0, words)
                        .mapToObj(w -> WORDS[random.nextInt(WORDS.length)])
                        .collect(Collectors.joining(" ", "{\"" + field + "\": \"", "\"}")))
                .collect(Collectors.joining("\n"));
    }
}
