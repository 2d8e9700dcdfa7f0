package dev.outrider.recipes.verb;

import dev.outrider.recipes.bench.TrainingBench;
import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        hidden = true,
        description = "Speed of this machine's training; the scripts in bench/ call it.",
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

    @Option(names = "--teacher-layers", description = "TVD++ with a teacher of so many layers; 0: pre-training.")
    int teacherLayers;

    @Override
    public Integer call() throws IOException {
        TrainingBench.run(threads, sequences, time, steps, teacherLayers);
        return 0;
    }
}
