package dev.outrider.recipes.verb;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.GgufMetadata;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Provenance;
import dev.outrider.checkpoints.StepFolders;
import dev.outrider.checkpoints.TrainingState;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.shard.ShardManifest;
import dev.outrider.data.shard.Shards;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "inspect",
        mixinStandardHelpOptions = true,
        description = "Says what a folder or file is: a model, a training run, or shards; and where it came from.",
        footer = {"", "Example:  ./outrider inspect runs/quickstart/export/draft-aligned --tensors"})
public final class InspectVerb implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "PATH", description = "A model, a checkpoint, a training run or shards.")
    Path path;

    @Option(names = "--tensors", description = "Lists every tensor.")
    boolean tensors;

    @Override
    public Integer call() {
        if (!Files.exists(path)) {
            throw Failure.usage(
                    path.toString(), "nothing there", "a model, a training run or shards", "Check the path.");
        }
        if (Files.exists(path.resolve("manifest.json"))) return shards();
        Path model = Files.isDirectory(path.resolve("checkpoints"))
                ? new StepFolders(path, 1).latest().orElse(path)
                : path;
        model(model);
        return 0;
    }

    private int shards() {
        try (Shards shards = Shards.open(path)) {
            ShardManifest m = shards.manifest();
            System.out.printf(
                    "shards      %s%nrows        %d of %d tokens, %d documents%ntokens      %d, %d supervised%n"
                            + "tokenizer   %s, %d pieces%nhash        %s%ncounts      %s%n",
                    path,
                    m.rows(),
                    m.sequenceLength(),
                    m.documents(),
                    m.tokens(),
                    m.supervisedTokens(),
                    m.tokenizerHash(),
                    m.vocabSize(),
                    m.hash(),
                    m.counts());
        }
        return 0;
    }

    private void model(Path folder) {
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            ModelConfig c = checkpoint.config();
            System.out.printf(
                    Locale.ROOT,
                    "model       %s%nparameters  %,d (%.1fM)%nshape       %d layers, hidden %d, intermediate %d, %d heads,"
                            + " %d key/value heads of %d%nvocabulary  %d%s%npositions   %d, RoPE base %.0f, scaling %s%n"
                            + "ends with   %s%n",
                    folder,
                    c.parameters(),
                    c.parameters() / 1e6,
                    c.layers(),
                    c.hiddenSize(),
                    c.intermediateSize(),
                    c.heads(),
                    c.kvHeads(),
                    c.headDim(),
                    c.vocabSize(),
                    c.tiedEmbeddings() ? ", tied" : "",
                    c.maxPositions(),
                    c.ropeTheta(),
                    c.ropeScaling(),
                    c.eosIds());
            memory(checkpoint);
            Optional<Tokenizer> tokenizer = checkpoint.tokenizer();
            System.out.println("tokenizer   "
                    + tokenizer
                            .map(t -> kind(folder) + t.size() + " pieces, " + t.hash())
                            .orElse("none"));
            System.out.println("template    "
                    + checkpoint.chatTemplate().map(t -> "in " + t.place()).orElse("none"));
        }
        history(folder);
    }

    // A GGUF names the kind of its tokenizer.
    private static String kind(Path model) {
        if (!Files.isRegularFile(model) || !model.toString().endsWith(".gguf")) return "";
        GgufMetadata metadata = GgufMetadata.read(model);
        return metadata.text("tokenizer.ggml.model").orElse("?") + " ("
                + metadata.text("tokenizer.ggml.pre").orElse("default") + "), ";
    }

    private void memory(Checkpoint checkpoint) {
        Map<String, Long> bytes = new TreeMap<>();
        for (String name : checkpoint.names()) {
            String type = checkpoint.storedType(name);
            bytes.merge(type, checkpoint.storedBytes(name), Long::sum);
            if (tensors) System.out.printf("  %-56s %-5s %s%n", name, type, Arrays.toString(checkpoint.shape(name)));
        }
        bytes.forEach((type, n) -> System.out.printf(Locale.ROOT, "memory      %s %.1f MB%n", type, n / 1e6));
    }

    private static void history(Path folder) {
        if (Files.exists(folder.resolve("state.json"))) {
            TrainingState s = TrainingState.read(folder.resolve("state.json"));
            System.out.printf("training    step %d, %d tokens, seed %d%n", s.step(), s.tokens(), s.seed());
        }
        Provenance.read(folder)
                .ifPresent(p -> System.out.printf(
                        "made        %s by: %s%nversions    %s%nseed        %d, data %s, parent %s%n",
                        p.created(), p.command(), p.versions(), p.seed(), p.dataHash(), p.parent()));
    }
}
