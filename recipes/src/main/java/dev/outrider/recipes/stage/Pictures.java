package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Gelu;
import dev.outrider.checkpoints.ImageAspect;
import dev.outrider.checkpoints.ImagePreprocessing;
import dev.outrider.checkpoints.Tower;
import dev.outrider.checkpoints.Vision;
import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.checkpoints.chat.ChatTokens;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.image.ImageFile;
import dev.outrider.data.image.ImageLoader;
import dev.outrider.data.image.ImageOptions;
import dev.outrider.data.image.PictureFolders;
import dev.outrider.data.image.PictureStore;
import dev.outrider.data.image.TowerReading;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.model.ClipTower;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.model.Sight;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.report.Thumbnail;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/**
 * What a run looks at pictures with: a frozen tower that target and drafts share, where the files of pictures lie, and those
 * that were made ready for training.
 */
final class Pictures implements AutoCloseable {
    private final Optional<Vision> vision;
    private final VisionConfig eyes;
    private final Tower tower;
    private final Optional<PictureStore> store;
    private final ImagePreprocessing preprocessing;
    private final ImageLoader loader;
    private final PictureFolders folders;
    private final int memory;
    private final Deque<AutoCloseable> closing;

    private Pictures(Run run, Optional<Vision> vision, VisionConfig eyes, Tower tower, Deque<AutoCloseable> closing) {
        this.vision = vision;
        this.eyes = eyes;
        this.tower = tower;
        this.closing = closing;
        memory = run.recipe().pictures().memory();
        folders = folders(run);
        preprocessing = ImagePreprocessing.read(tower.path());
        loader = new ImageLoader(preprocessing, options(run).with(eyes.aspect()));
        store = Files.exists(run.pictures()) ? Optional.of(PictureStore.open(run.pictures())) : Optional.empty();
        store.ifPresent(closing::push);
    }

    /** Those of a target that is there; empty where it cannot see. */
    static Optional<Pictures> of(Run run) {
        Deque<AutoCloseable> closing = new ArrayDeque<>();
        Checkpoint target = Checkpoint.open(Models.target(run));
        closing.push(target);
        try {
            Optional<Vision> vision = target.vision();
            if (vision.isEmpty()) target.close();
            vision.ifPresent(v -> attach(run, v));
            return vision.map(v -> new Pictures(run, vision, v.config(), v.tower(), closing));
        } catch (RuntimeException e) {
            target.close();
            throw e;
        }
    }

    /** Those of a target that is still to be trained. */
    static Pictures before(Run run, VisionConfig eyes) {
        Tower tower = Tower.open(tower(run));
        return new Pictures(run, Optional.empty(), eyes, tower, new ArrayDeque<>(List.of(tower)));
    }

    /** Gives a model the recipe's tower, where it names one. */
    static void attach(Run run, Vision vision) {
        run.recipe().tower().flatMap(Recipe.Tower::checkpoint).ifPresent(vision::attach);
    }

    /** The tower of the recipe: a given one, or that which the run trained. */
    static Path tower(Run run) {
        return run.recipe()
                .tower()
                .flatMap(Recipe.Tower::checkpoint)
                .orElse(run.tower())
                .toAbsolutePath();
    }

    /** How a target is to see that the recipe trains. */
    static VisionConfig eyes(Run run, Recipe.Adapter adapter, int width, Tokenizer tokenizer) {
        try (Tower tower = Tower.open(tower(run))) {
            int known = tokenizer.specialId(ChatTokens.PICTURE);
            return new VisionConfig(
                    tower.config().hiddenSize(),
                    width,
                    adapter.matrices(),
                    Gelu.EXACT,
                    true,
                    -2,
                    false,
                    known >= 0 ? known : VisionConfig.PLACEHOLDER,
                    ImageAspect.SQUARE,
                    adapter.pool(),
                    Optional.of(tower.path().toString()));
        }
    }

    /** How pictures are made ready for this recipe's target. */
    static TowerReading reading(Run run) {
        if (run.recipe().target().checkpoint().isEmpty()) {
            Recipe.Target target = run.recipe().target();
            int width = target.shape().orElseThrow().hidden();
            VisionConfig eyes = eyes(run, target.adapter().orElseThrow(), width, Models.tokenizer(run));
            try (Tower tower = Tower.open(tower(run))) {
                return new TowerReading(tower.path().toString(), eyes.aspect(), eyes.layersRun(tower.config()));
            }
        }
        try (Checkpoint target = Checkpoint.open(Models.target(run))) {
            Vision vision = target.vision().orElseThrow();
            attach(run, vision);
            return TowerReading.of(vision);
        }
    }

    static ImageOptions options(Run run) {
        return ImageOptions.defaults().withMostPixels(run.recipe().pictures().mostPixels());
    }

    /** Where pictures lie: the recipe's folders, and the world's own. */
    static PictureFolders folders(Run run) {
        List<String> folders = new ArrayList<>();
        run.recipe().pictures().folders().forEach(f -> folders.add(f.toString()));
        if (Files.isDirectory(Corpus.pictures(run)))
            folders.add(Corpus.pictures(run).toString());
        return new PictureFolders(folders);
    }

    /** The target's projector, where the target is there. */
    Vision vision() {
        return vision.orElseThrow();
    }

    /** How the target sees. */
    VisionConfig eyes() {
        return eyes;
    }

    Tower tower() {
        return tower;
    }

    /** Rows of the target's text that a picture takes. */
    int rows() {
        return eyes.rows(tower.config());
    }

    /** @throws dev.outrider.checkpoints.Failure DATA where no folder has it, or it is broken or too large */
    Picture file(String name) {
        return new ImageFile(folders.require(name), loader);
    }

    /** Why a picture cannot be looked at; empty where it can. */
    Optional<Failure> unreadable(String name) {
        return folders.find(name)
                .map(file -> loader.attempt(file).failure())
                .orElseGet(() -> Optional.of(folders.missing(name)));
    }

    /** A picture as reports show it. */
    String thumbnail(Picture picture) {
        return Thumbnail.of(picture, preprocessing);
    }

    /** A picture of the rows of shards, by its id. */
    Picture kept(String id) {
        return store.orElseThrow().picture(id);
    }

    /** The tower at work on files, each picture once; to be closed by the caller. */
    Sight looking(Device device) {
        return new Sight(device, new ClipTower(device, tower, eyes.layersRun(tower.config())), memory);
    }

    /** The tower at work on what is kept, or what it made of it before; to be closed by the caller. */
    Sight training(Device device) {
        return store.flatMap(s -> s.features(device))
                .map(features -> new Sight(device, features, memory))
                .orElseGet(() -> looking(device));
    }

    @Override
    public void close() {
        while (!closing.isEmpty()) {
            try {
                closing.pop().close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
