package dev.outrider.recipes;

import dev.outrider.checkpoints.DiskFailures;
import dev.outrider.checkpoints.Failure;
import dev.outrider.recipes.verb.BenchVerb;
import dev.outrider.recipes.verb.ChatVerb;
import dev.outrider.recipes.verb.ConvertVerb;
import dev.outrider.recipes.verb.DataVerb;
import dev.outrider.recipes.verb.DevicesVerb;
import dev.outrider.recipes.verb.DistillVerb;
import dev.outrider.recipes.verb.EvaluateVerb;
import dev.outrider.recipes.verb.ExportVerb;
import dev.outrider.recipes.verb.GenerateVerb;
import dev.outrider.recipes.verb.InspectVerb;
import dev.outrider.recipes.verb.ParityVerb;
import dev.outrider.recipes.verb.PretrainVerb;
import dev.outrider.recipes.verb.QuickstartVerb;
import dev.outrider.recipes.verb.ReplayVerb;
import dev.outrider.recipes.verb.RunVerb;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/**
 * The command line: one class a verb, and the one place where a {@link Failure} becomes a message and an
 * exit code. Verbs load Spark and DL4J only when they run.
 */
@Command(
        name = "outrider",
        version = "outrider 0.1.0",
        mixinStandardHelpOptions = true,
        description = "Trains, aligns and proves draft models for speculative decoding.",
        subcommands = {
            QuickstartVerb.class,
            RunVerb.class,
            DataVerb.class,
            PretrainVerb.class,
            GenerateVerb.class,
            DistillVerb.class,
            ExportVerb.class,
            EvaluateVerb.class,
            ChatVerb.class,
            InspectVerb.class,
            ConvertVerb.class,
            ParityVerb.class,
            ReplayVerb.class,
            DevicesVerb.class,
            BenchVerb.class
        },
        footer = {
            "",
            "Exit codes: 0 done, 2 usage or recipe, 3 bad data or checkpoint, 4 diverged, 5 the machine gave out,",
            "130 interrupted (what was reached is saved), 1 a bug.",
            "Begin with:  ./outrider quickstart"
        })
public final class Outrider {
    private static final int BUG = 1;

    private Outrider() {}

    public static void main(String[] args) {
        System.exit(run(args));
    }

    // Errors such as a lack of memory pass by the command line's own handler.
    private static int run(String[] args) {
        CommandLine line = command();
        try {
            return line.execute(args);
        } catch (Throwable t) {
            return explain(t, line.getErr());
        }
    }

    /** The command line with its error handling, for tests as well. */
    public static CommandLine command() {
        CommandLine line = new CommandLine(new Outrider());
        line.setExecutionExceptionHandler((e, command, parsed) -> explain(e, command.getErr()));
        line.setParameterExceptionHandler((e, args) -> misused(e));
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setUsageHelpAutoWidth(true);
        line.setUsageHelpLongOptionsMaxWidth(28);
        return line;
    }

    // Three lines at most: what is wrong, what was perhaps meant, where the rest stands.
    private static int misused(CommandLine.ParameterException e) {
        CommandLine command = e.getCommandLine();
        String name = command.getCommandSpec().qualifiedName();
        command.getErr().println(name + ": " + e.getMessage());
        CommandLine.UnmatchedArgumentException.printSuggestions(e, command.getErr());
        command.getErr().println("Try ./" + name + " --help");
        return Failure.Kind.USAGE.exitCode;
    }

    /** Says what went wrong, once; returns the exit code. */
    public static int explain(Throwable thrown, PrintWriter err) {
        for (Throwable t = thrown; t != null; t = t.getCause()) {
            if (t instanceof Failure failure) return say(failure, err);
            if (t instanceof IOException io && DiskFailures.recognised(io).isPresent()) {
                return say(DiskFailures.recognised(io).get(), err);
            }
            if (t instanceof OutOfMemoryError) {
                err.println("outrider: out of memory (" + t.getMessage()
                        + "). Lower micro_batch or text.length, or give" + " the heap more: OUTRIDER_HEAP=4g.");
                return Failure.Kind.MACHINE.exitCode;
            }
        }
        String what = thrown.toString().lines().findFirst().orElse("");
        err.println("outrider: a bug: " + what + trace(thrown));
        return BUG;
    }

    // Messages quote what was found in files: whatever is there must not reach the terminal.
    private static int say(Failure failure, PrintWriter err) {
        err.println("outrider: " + failure.getMessage().replaceAll("[\\p{Cntrl}&&[^\n\t]]", "?"));
        return failure.exitCode();
    }

    private static String trace(Throwable thrown) {
        try {
            Path file = Files.createTempFile("outrider-bug-", ".txt");
            try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(file))) {
                thrown.printStackTrace(out);
            }
            return ". The stack trace stands in " + file + "; please report it.";
        } catch (IOException e) {
            return "";
        }
    }
}
