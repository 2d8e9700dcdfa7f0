package dev.outrider.checkpoints;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** What a model on disk sees with: its projector, and the tower, which may lie elsewhere. Belongs to its checkpoint. */
public final class Vision implements AutoCloseable {
    private final Path folder;
    private final VisionConfig config;
    private final Weights projector;
    private Tower tower;

    /** @throws Failure DATA naming the first tensor of the projector that does not fit */
    Vision(Path folder, VisionConfig config, Weights projector, Optional<Tower> tower) {
        this.folder = folder;
        this.config = config;
        this.projector = projector;
        this.tower = tower.orElse(null);
        check(config, projector);
    }

    /**
     * A projector in memory, its tower elsewhere.
     *
     * @param tensors {@code linear_1.weight} and so on; must stay valid
     * @throws Failure DATA naming the first tensor that does not fit
     */
    public static Vision of(VisionConfig config, List<Tensor> tensors) {
        return new Vision(Path.of(""), config, new GivenTensors(tensors), Optional.empty());
    }

    /** @throws Failure DATA naming the first tensor of a projector that does not fit */
    static void check(VisionConfig config, Weights projector) {
        String absent = "Get the whole model: a projector that was trained alone has to be merged into it.";
        config.shapes()
                .forEach((name, shape) -> LlamaLayout.require(projector, name, shape, LlamaLayout.WEIGHTS, absent));
        Set<String> others = LlamaLayout.others(projector, config.shapes().keySet());
        if (!others.isEmpty())
            throw LlamaLayout.leftOver(projector, others, "a projector of " + config.matrices() + " matrices");
    }

    public VisionConfig config() {
        return config;
    }

    /** Names of the projector's tensors: {@code linear_1.weight} and so on. */
    public Set<String> projectorNames() {
        return config.shapes().keySet();
    }

    /** A view of one of the projector's tensors, matrices as [out, in]; valid until the checkpoint is closed. */
    public Tensor projector(String name) {
        return projector.tensor(name);
    }

    /** Bytes of the projector's tensors in their files. */
    public long projectorBytes() {
        return projectorNames().stream()
                .mapToLong(name -> projector.storage(name).bytes())
                .sum();
    }

    /** Whether the tower is in the model itself, or in a directory that the model names. */
    public boolean hasTower() {
        return tower != null || named().isPresent();
    }

    private Optional<Path> named() {
        return config.tower().map(folder::resolve).filter(path -> Files.exists(path.resolve(HuggingFaceConfig.FILE)));
    }

    /**
     * The tower: the model's own, or the one that it names by a path.
     *
     * @throws Failure USAGE where it lies elsewhere, DATA where it is not one of the projector's width
     */
    public synchronized Tower tower() {
        if (tower == null) attach(named().orElseThrow(this::elsewhere));
        return tower;
    }

    /** Takes the tower of another directory; closed with the checkpoint. */
    public synchronized void attach(Path directory) {
        Tower found = Tower.open(directory);
        if (found.config().hiddenSize() != config.towerWidth()) {
            int channels = found.config().hiddenSize();
            found.close();
            throw Failure.data(
                    directory.toString(),
                    "a tower of " + channels + " channels",
                    config.towerWidth() + ", which the projector of " + folder + " reads",
                    "Give the tower that the model was trained with"
                            + config.tower().map(t -> ": " + t).orElse("") + ".");
        }
        close();
        tower = found;
    }

    private Failure elsewhere() {
        return Failure.usage(
                folder.toString(),
                "a model whose tower is elsewhere: " + config.tower().orElse("not named"),
                "a directory with the tower",
                "Give the tower's directory beside the model's (--tower).");
    }

    @Override
    public synchronized void close() {
        if (tower != null) tower.close();
        tower = null;
    }
}
