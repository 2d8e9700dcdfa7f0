package dev.outrider.recipes.verb;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.checkpoints.tokenizer.Tokenizers;
import dev.outrider.data.Show;
import dev.outrider.data.shard.Shards;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "data",
        mixinStandardHelpOptions = true,
        description = "Makes shards from the recipe's text; 'data show' prints an example of some shards.",
        subcommands = DataVerb.ShowVerb.class,
        footer = {"", "Example:  ./outrider data recipes/quickstart.yaml text.length=512"})
public final class DataVerb extends RecipeVerb.Named {
    @Override
    String stage() {
        return "data";
    }

    /** Prints one row as the trainer will see it. */
    @Command(
            name = "show",
            mixinStandardHelpOptions = true,
            description = "Prints one decoded row of shards, its supervised part marked.",
            footer = {
                "",
                "Example:  ./outrider data show runs/quickstart/alignment/train --tokenizer"
                        + " runs/quickstart/tokenizer --row 7"
            })
    static final class ShowVerb implements java.util.concurrent.Callable<Integer> {
        @Parameters(index = "0", paramLabel = "SHARDS", description = "A folder with manifest.json.")
        Path folder;

        @Option(names = "--tokenizer", required = true, description = "A folder with the tokenizer.")
        Path tokenizer;

        @Option(names = "--row", description = "Which row (default: ${DEFAULT-VALUE}).")
        long row;

        @Override
        public Integer call() {
            Tokenizer t = Tokenizers.open(tokenizer)
                    .orElseThrow(() -> Failure.usage(
                            tokenizer.toString(),
                            "no tokenizer",
                            "tokenizer.json or tokenizer.model",
                            "Name its folder."));
            try (Shards shards = Shards.open(folder)) {
                System.out.println(Show.row(shards, t, row, System.console() != null));
            }
            return 0;
        }
    }
}
