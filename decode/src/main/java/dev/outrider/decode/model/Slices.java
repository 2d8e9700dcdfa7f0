package dev.outrider.decode.model;

import dev.outrider.decode.device.Buffer;

/** Parts of a matrix made beforehand, so that a step makes none. */
final class Slices {
    private Slices() {}

    /** For every row of a matrix of so many rows, the rest of the matrix from there on. */
    static Buffer[] tails(Buffer matrix, int rows) {
        long width = matrix.elements() / rows;
        Buffer[] tails = new Buffer[rows];
        for (int r = 0; r < rows; r++) tails[r] = matrix.slice(r * width, (rows - r) * width);
        return tails;
    }
}
