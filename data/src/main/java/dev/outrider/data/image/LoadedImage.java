package dev.outrider.data.image;

import dev.outrider.checkpoints.Failure;
import java.util.Optional;

/** What became of an image, for callers that count and go on. */
public sealed interface LoadedImage {
    /** Its pixels. */
    record Decoded(Pixels pixels) implements LoadedImage {}

    /** There is no such file. */
    record Missing(Failure why) implements LoadedImage {}

    /** Its bytes are no picture of a known format, or a damaged one. */
    record Broken(Failure why) implements LoadedImage {}

    /** Its file, its picture or what it would become has more bytes or pixels than allowed; nothing was decoded. */
    record TooLarge(Failure why) implements LoadedImage {}

    /** Why there are no pixels. */
    default Optional<Failure> failure() {
        return switch (this) {
            case Decoded _ -> Optional.empty();
            case Missing m -> Optional.of(m.why);
            case Broken b -> Optional.of(b.why);
            case TooLarge t -> Optional.of(t.why);
        };
    }

    /** @throws Failure DATA where there are none, naming the file and why */
    default Pixels pixels() {
        return switch (this) {
            case Decoded d -> d.pixels();
            case Missing m -> throw m.why();
            case Broken b -> throw b.why();
            case TooLarge t -> throw t.why();
        };
    }
}
