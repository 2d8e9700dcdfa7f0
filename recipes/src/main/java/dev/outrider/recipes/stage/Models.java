package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.StepFolders;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.checkpoints.tokenizer.Tokenizers;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.recipes.Run;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;

/** Where a run's models and tokenizer are, and the device they run on. */
final class Models {
    private Models() {}

    static CpuDevice device(Run run) {
        int threads = run.recipe().threads();
        return threads == 0 ? new CpuDevice() : new CpuDevice(threads);
    }

    /** The target's folder or file: the given one, or the last checkpoint of the run that trained it. */
    static Path target(Run run) {
        return run.recipe().target().checkpoint().orElseGet(() -> last(run.targetRun()));
    }

    /** The last checkpoint of a training run. */
    static Path last(Path trainingRun) {
        return new StepFolders(trainingRun, 1)
                .latest()
                .orElseThrow(() -> Failure.data(
                        trainingRun.toString(),
                        "no checkpoint",
                        "a finished training",
                        "Run the stage before this one."));
    }

    /** The target's tokenizer; every model of a run shares it. */
    static Tokenizer tokenizer(Run run) {
        if (run.recipe().target().checkpoint().isPresent()) {
            try (Checkpoint target = Checkpoint.open(target(run))) {
                return target.requireTokenizer();
            }
        }
        return Tokenizers.open(run.tokenizer())
                .orElseThrow(() -> Failure.data(
                        run.tokenizer().toString(), "no tokenizer", "tokenizer.json", "Run the data verb first."));
    }

    /** Where a Tokenizer can be opened by a task on another machine. */
    static Path tokenizerPath(Run run) {
        return run.recipe().target().checkpoint().orElse(run.tokenizer());
    }

    static int vocabulary(Run run, Tokenizer tokenizer) {
        if (run.recipe().target().checkpoint().isEmpty()) return tokenizer.size();
        try (Checkpoint target = Checkpoint.open(target(run))) {
            return target.config().vocabSize();
        }
    }

    static List<Integer> eos(Run run, Tokenizer tokenizer) {
        if (run.recipe().target().checkpoint().isEmpty()) return List.of(tokenizer.eosId());
        try (Checkpoint target = Checkpoint.open(target(run))) {
            return target.config().eosIds();
        }
    }

    static void delete(Path folder) {
        if (!Files.exists(folder)) return;
        try (var paths = Files.walk(folder)) {
            for (Path p : paths.sorted(Comparator.reverseOrder()).toList()) Files.delete(p);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
