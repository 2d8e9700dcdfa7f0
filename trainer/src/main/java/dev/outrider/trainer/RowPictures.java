package dev.outrider.trainer;

import dev.outrider.decode.model.Picture;
import java.util.function.Function;

/**
 * How rows of shards are read that have pictures: a draft with an adapter reads rows of each, one that does not see
 * none.
 *
 * @param pictures by their ids
 * @param rows N, of a picture, {@link dev.outrider.trainer.layer.LlamaGraph#pictureRows}; 0: pictures are left out
 * @param longest most positions of a sequence that the draft has
 */
public record RowPictures(Function<String, Picture> pictures, int rows, int longest) {}
