package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DiskFailures;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Vision;
import dev.outrider.data.image.ImageFile;
import dev.outrider.data.image.ImageLoader;
import dev.outrider.data.image.ImageOptions;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.model.Sight;
import dev.outrider.recipes.Run;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What a run looks at pictures with: the target's tower, which its drafts share, and where the files of pictures lie. */
record Pictures(Checkpoint target, Vision vision, Sight sight, ImageLoader loader, List<Path> folders)
        implements AutoCloseable {
    /** Empty where the target cannot see. */
    static Optional<Pictures> of(Run run, Device device) {
        Checkpoint target = Checkpoint.open(Models.target(run));
        try {
            Optional<Vision> vision = target.vision();
            if (vision.isEmpty()) target.close();
            return vision.map(v -> of(run, device, target, v));
        } catch (RuntimeException e) {
            target.close();
            throw e;
        }
    }

    private static Pictures of(Run run, Device device, Checkpoint target, Vision vision) {
        attach(run, vision);
        var pictures = run.recipe().pictures();
        ImageOptions options = ImageOptions.defaults().withMostPixels(pictures.mostPixels());
        return new Pictures(
                target, vision, Sight.of(device, vision, pictures.memory()), ImageLoader.of(vision, options), folders(run));
    }

    /** Gives a model the recipe's tower, where it names one. */
    static void attach(Run run, Vision vision) {
        run.recipe().tower().flatMap(t -> t.checkpoint()).ifPresent(vision::attach);
    }

    /** Where pictures lie: the recipe's folders, and the world's own. */
    static List<Path> folders(Run run) {
        List<Path> folders = new ArrayList<>(run.recipe().pictures().folders());
        if (run.recipe().world().isPresent()) folders.add(run.corpus().resolve("pictures"));
        return folders;
    }

    /** Rows of the target's text that a picture takes. */
    int rows() {
        return vision.config().rows(vision.tower().config());
    }

    /** @throws Failure DATA where none of the folders has it, or it is broken or too large */
    Picture picture(String name) {
        return new ImageFile(file(name), loader);
    }

    private Path file(String name) {
        for (Path folder : folders) if (Files.exists(folder.resolve(name))) return folder.resolve(name);
        throw DiskFailures.reading(Path.of(name), new NoSuchFileException(name, null, "in none of " + folders));
    }

    @Override
    public void close() {
        sight.close();
        target.close();
    }
}
