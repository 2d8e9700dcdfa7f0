package dev.outrider.decode.model;

import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.device.Buffer;

/** What a tower makes of pictures, computed or read from where it was kept. Not safe for several threads. */
public interface Features extends AutoCloseable {
    /** Rows of a picture: P + 1, the class token and the patches. */
    int rows();

    /** C, channels of a row. */
    int channels();

    /** Patches along a side; P is its square. */
    int grid();

    /**
     * The features of one picture, which do not depend on others.
     *
     * @param into F32 [P + 1, C], the class token first
     * @throws Failure DATA where the picture is not of the tower's size, or its features are not there
     */
    void of(Picture picture, Buffer into);

    @Override
    void close();
}
