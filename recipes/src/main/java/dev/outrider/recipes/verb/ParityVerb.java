package dev.outrider.recipes.verb;

import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.Devices;
import dev.outrider.recipes.parity.Parity;
import dev.outrider.recipes.parity.ParityPack;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "parity",
        mixinStandardHelpOptions = true,
        description =
                "Holds a draft's logits and a target's answers against a parity pack: whether anything was lost by"
                        + " converting. Exits with 3 where something was.",
        footer = {
            "",
            "Example:  ./outrider parity runs/smollm2/export/parity --checkpoint runs/smollm2/export/draft-aligned-bf16.gguf"
        })
public final class ParityVerb implements Callable<Integer> {
    private static final int LOST = 3;

    @Spec
    CommandSpec spec;

    @Parameters(index = "0", paramLabel = "PACK", description = "The folder parity of an export.")
    Path pack;

    @Option(names = "--checkpoint", description = "The draft: a Hugging Face directory or GGUF.")
    Path draft;

    @Option(names = "--target", description = "The target: a Hugging Face directory, GGUF or llama2.c file.")
    Path target;

    @Option(names = "--device", description = Devices.NAMES + " (default: ${DEFAULT-VALUE}).")
    String on = "cpu";

    @Override
    public Integer call() {
        if (draft == null && target == null) {
            throw new ParameterException(spec.commandLine(), "Give --checkpoint, --target or both");
        }
        ParityPack read = ParityPack.read(pack);
        boolean holds = true;
        try (Device device = Devices.open(on, 0)) {
            if (draft != null) holds &= draft(read, device);
            if (target != null) holds &= target(read, device);
        }
        System.out.println(holds ? "nothing was lost" : "SOMETHING WAS LOST");
        return holds ? 0 : LOST;
    }

    private boolean draft(ParityPack read, Device device) {
        Parity.Logits found = Parity.logits(read, draft, device);
        System.out.printf(
                Locale.ROOT,
                "draft   %s: best logits within %.4f nats (allowed %.1f); %d of %d the same, rounded%n",
                draft,
                found.difference(),
                read.toleranceNats(),
                found.hashes(),
                found.cases());
        return found.holds(read);
    }

    private boolean target(ParityPack read, Device device) {
        Parity.Answers found = Parity.answers(read, target, device);
        System.out.printf("target  %s: %d of %d greedy answers the same%n", target, found.same(), found.cases());
        return found.same() == found.cases();
    }
}
