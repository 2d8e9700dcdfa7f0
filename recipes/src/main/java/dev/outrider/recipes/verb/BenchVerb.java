package dev.outrider.recipes.verb;

import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.device.Precision;
import dev.outrider.decode.model.WeightType;
import dev.outrider.recipes.bench.GenerationBench;
import dev.outrider.recipes.bench.PassBench;
import dev.outrider.recipes.bench.TokenBench;
import dev.outrider.recipes.bench.TrainingBench;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        hidden = true,
        description =
                "Speed of this machine's training, of a model's writing, or of its passes; the scripts in bench/ call it.",
        footer = {"", "Example:  ./outrider bench --teacher-layers 8"})
public final class BenchVerb implements Callable<Integer> {
    @Option(names = "--threads", description = "0: all (default: ${DEFAULT-VALUE}).")
    int threads;

    @Option(names = "--sequences", description = "B (default: ${DEFAULT-VALUE}).")
    int sequences = 4;

    @Option(names = "--time", description = "T (default: ${DEFAULT-VALUE}).")
    int time = 512;

    @Option(names = "--steps", description = "Steps measured, after two that are not (default: ${DEFAULT-VALUE}).")
    int steps = 8;

    @Option(names = "--precision", description = "Of products: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    Precision precision = Precision.F32;

    @Option(names = "--teacher-layers", description = "TVD++ with a teacher of so many layers; 0: pre-training.")
    int teacherLayers;

    @Option(
            names = "--teacher",
            paramLabel = "MODEL",
            description = "TVD++ of a draft of 30M with this model as teacher, held as --weights.")
    Path teacher;

    @Option(
            names = "--tokenise",
            paramLabel = "MODEL",
            description = "How fast one thread makes tokens of --text with this model's tokenizer.")
    Path tokenise;

    @Option(names = "--text", paramLabel = "FILE", description = "Of --tokenise.")
    Path text;

    @Option(names = "--generate", paramLabel = "MODEL", description = "How fast this model writes, alone and batched.")
    Path generate;

    @Option(names = "--slots", description = "Texts at a time of the batch (default: ${DEFAULT-VALUE}).")
    int slots = 64;

    @Option(names = "--prompt", description = "Tokens of a prompt (default: ${DEFAULT-VALUE}).")
    int prompt = 64;

    @Option(names = "--tokens", description = "Tokens of an answer (default: ${DEFAULT-VALUE}).")
    int tokens = 128;

    @Option(names = "--top-k", description = "Ids whose probabilities are kept at a token (default: ${DEFAULT-VALUE}).")
    int topK;

    @Option(
            names = "--passes",
            paramLabel = "MODEL",
            description = "What passes of this model cost, by rows and context.")
    Path passes;

    @Option(
            names = "--weights",
            description =
                    "Of --passes, --generate and --teacher: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    WeightType weights = WeightType.BF16;

    @Option(names = "--rows", description = "Of the largest pass (default: ${DEFAULT-VALUE}).")
    int rows = 9;

    @Override
    public Integer call() throws IOException {
        if (generate != null) {
            new GenerationBench(generate, threads, weights, slots, prompt, tokens, topK).run(System.out);
            return 0;
        }
        if (tokenise != null) {
            if (text == null) throw Failure.usage("--tokenise", "no --text", "a file of text", "Name one.");
            new TokenBench(tokenise, text).run(System.out);
            return 0;
        }
        if (passes != null) {
            new PassBench(passes, threads, weights, rows).run(System.out);
            return 0;
        }
        if (teacher != null) {
            TrainingBench.run(threads, precision, sequences, time, steps, teacher, weights);
            return 0;
        }
        TrainingBench.run(threads, precision, sequences, time, steps, teacherLayers);
        return 0;
    }
}
