package dev.outrider.recipes.verb;

import dev.outrider.checkpoints.Conversion;
import dev.outrider.checkpoints.GgufType;
import dev.outrider.checkpoints.Provenance;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "convert",
        mixinStandardHelpOptions = true,
        description = "Writes a model (Hugging Face directory, GGUF, llama2.c file) as GGUF, where the target ends in"
                + " .gguf, or else as Hugging Face directory; tokenizer and chat template go along.",
        footer = {"", "Example:  ./outrider convert SmolLM2-135M-Instruct.Q4_1.gguf smollm2 --dtype bf16"})
public final class ConvertVerb implements Callable<Integer> {
    @Spec
    CommandSpec spec;

    @Parameters(index = "0", paramLabel = "SOURCE", description = "A model.")
    Path source;

    @Parameters(index = "1", paramLabel = "TARGET", description = "A new path; nothing is overwritten.")
    Path target;

    /** What can be written. */
    enum Type {
        F32,
        F16,
        BF16,
        Q8_0
    }

    @Option(
            names = "--dtype",
            description =
                    "${COMPLETION-CANDIDATES}; q8_0 for a GGUF alone (default: the source's type, F32 where that is"
                            + " quantised).")
    Type dtype;

    @Override
    public Integer call() {
        String command = "outrider "
                + String.join(" ", spec.root().commandLine().getParseResult().originalArgs());
        Optional<GgufType> stored = Optional.ofNullable(dtype).map(t -> GgufType.valueOf(t.name()));
        GgufType written =
                Conversion.convert(source, target, stored, Provenance.now(command, "", 0, "", source.toString()));
        System.out.println(target + "  " + written + "  from " + source);
        return 0;
    }
}
