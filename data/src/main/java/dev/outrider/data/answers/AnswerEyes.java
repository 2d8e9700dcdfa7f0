package dev.outrider.data.answers;

import dev.outrider.checkpoints.Failure;
import java.io.Serializable;
import java.util.List;

/**
 * Where the pictures of prompts are, for a target that sees.
 *
 * @param folders in which the image files lie; not looked into where there is a store
 * @param store folder of a {@link dev.outrider.data.image.PictureStore}: of levels, or of the tower's features; or empty
 * @param tower directory of the target's tower; empty where the target has it, or its configuration names a path
 * @param kept pictures whose features stay in memory at a time; 0: as many as fit into an eighth of it
 */
public record AnswerEyes(List<String> folders, String store, String tower, int kept) implements Serializable {
    /** For prompts without pictures. */
    public static final AnswerEyes NONE = new AnswerEyes(List.of(), "", "", 0);

    public AnswerEyes {
        folders = List.copyOf(folders);
        if (kept < 0) throw Failure.usage("answers", kept + " pictures kept", "0 or more", "Correct the setting.");
    }

    /** Image files, for a target that has its tower. */
    public static AnswerEyes of(String... folders) {
        return new AnswerEyes(List.of(folders), "", "", 0);
    }

    /** Whether pictures are seen. */
    public boolean open() {
        return !folders.isEmpty() || !store.isEmpty();
    }
}
