package dev.outrider.recipes.verb;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.ClipConfig;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.GgufMetadata;
import dev.outrider.checkpoints.ImageAspect;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Provenance;
import dev.outrider.checkpoints.StepFolders;
import dev.outrider.checkpoints.Tower;
import dev.outrider.checkpoints.TrainingState;
import dev.outrider.checkpoints.Vision;
import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.shard.ShardManifest;
import dev.outrider.data.shard.Shards;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.HeadRoles;
import dev.outrider.decode.model.HeadRoles.Head;
import dev.outrider.decode.model.LlamaWeights;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "inspect",
        mixinStandardHelpOptions = true,
        description =
                "Says what a folder or file is: a model, a vision tower, a training run, or shards; and where it came from.",
        footer = {"", "Example:  ./outrider inspect runs/quickstart/export/draft-llava --tensors"})
public final class InspectVerb implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "PATH", description = "A model, a checkpoint, a training run or shards.")
    Path path;

    @Option(names = "--tensors", description = "Lists every tensor.")
    boolean tensors;

    @Option(
            names = "--tower",
            paramLabel = "DIR",
            description = "Directory of the vision tower, where the model only names it.")
    Path tower;

    @Option(
            names = "--heads",
            description =
                    "Says for each layer how much its heads look at the token before, and how much at what followed"
                            + " the present token before: what a draft cut out of the model has to have of both.")
    boolean heads;

    @Override
    public Integer call() {
        if (!Files.exists(path)) {
            throw Failure.usage(
                    path.toString(), "nothing there", "a model, a training run or shards", "Check the path.");
        }
        if (Files.exists(path.resolve("manifest.json"))) return shards();
        if (Tower.is(path)) return tower();
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

    private int tower() {
        try (Tower alone = Tower.open(path)) {
            System.out.println("tower       " + path);
            tower(alone);
        }
        return 0;
    }

    private void tower(Tower tower) {
        ClipConfig c = tower.config();
        part("tower", c.parameters(), tower.storedBytes());
        System.out.printf(
                "            %d layers, width %d, %d heads; pictures of %d pixels, %d patches of %d%n",
                c.layers(), c.hiddenSize(), c.heads(), c.imageSize(), c.patches(), c.patchSize());
        if (!tensors) return;
        for (String name : tower.names())
            tensor(name, tower.tensor(name).dtype().name(), tower.tensor(name).shape());
    }

    private static void part(String name, long parameters, long bytes) {
        System.out.printf(Locale.ROOT, "%-11s %,d parameters, %.1f MB%n", name, parameters, bytes / 1e6);
    }

    private static void tensor(String name, String type, long[] shape) {
        System.out.printf("  %-56s %-5s %s%n", name, type, Arrays.toString(shape));
    }

    private void sees(Vision vision) {
        if (tower != null) vision.attach(tower);
        VisionConfig c = vision.config();
        part("projector", c.projectorParameters(), vision.projectorBytes());
        System.out.printf(
                "            %d matrices, %d to %d channels; hidden state %d of the tower%s%s%n",
                c.matrices(),
                c.towerWidth(),
                c.width(),
                c.featureLayer(),
                c.pool() > 1 ? ", squares of " + c.pool() + " x " + c.pool() + " patches as one" : "",
                c.aspect() == ImageAspect.PAD ? "; pictures padded to squares" : "");
        if (!vision.hasTower()) {
            System.out.println("tower       elsewhere: " + c.tower().orElse("not named") + " (--tower DIR)");
            return;
        }
        System.out.println(
                "pictures    " + c.rows(vision.tower().config()) + " rows of the text each, for token " + c.imageId());
        tower(vision.tower());
    }

    /** Of each layer's heads the one that does most of it. */
    private void heads(Checkpoint checkpoint) {
        if (!heads) return;
        try (CpuDevice device = new CpuDevice();
                LlamaWeights weights = LlamaWeights.load(device, checkpoint)) {
            Map<Integer, List<Head>> layers = HeadRoles.of(device, weights, 0).stream()
                    .collect(Collectors.groupingBy(Head::layer, TreeMap::new, Collectors.toList()));
            layers.forEach((layer, all) -> System.out.printf(
                    Locale.ROOT,
                    "layer %-5d looks at the token before %.2f, repeats %.2f (%.2f over all heads)%n",
                    layer,
                    all.stream().mapToDouble(Head::previous).max().orElse(0),
                    all.stream().mapToDouble(Head::repeats).max().orElse(0),
                    all.stream().mapToDouble(Head::repeats).sum()));
        }
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
            checkpoint.vision().ifPresent(this::sees);
            Optional<Tokenizer> tokenizer = checkpoint.tokenizer();
            System.out.println("tokenizer   "
                    + tokenizer
                            .map(t -> kind(folder) + t.size() + " pieces, " + t.hash())
                            .orElse("none"));
            System.out.println("template    "
                    + checkpoint.chatTemplate().map(t -> "in " + t.place()).orElse("none"));
            heads(checkpoint);
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
            if (tensors) tensor(name, type, checkpoint.shape(name));
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
