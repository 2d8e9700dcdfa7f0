package dev.outrider.decode.device;

import dev.outrider.checkpoints.DType;

/** How the elements of a {@link Buffer} lie: as they are counted, or as a device arranged a matrix that it converted. */
public sealed interface Layout {
    /** One after the other; a matrix row by row. */
    Layout ROWS = new Rows();

    /** What so many elements take. */
    long bytes(DType type, long elements);

    /** Where an element begins, if something that can stand alone begins there. */
    long offset(DType type, long element);

    record Rows() implements Layout {
        @Override
        public long bytes(DType type, long elements) {
            return Math.multiplyExact(elements, type.bytes);
        }

        @Override
        public long offset(DType type, long element) {
            return bytes(type, element);
        }
    }

    /**
     * A matrix [out, in] in tiles of {@code outputs} rows side by side, the last one filled up; within a tile the
     * weights of an input or a few lie together. In I8 every {@link Buffer#GROUP} inputs are followed by their
     * scales, in F16, one for each output. Elements are counted row by row all the same, and a slice takes whole tiles.
     *
     * @param inputs a multiple of the group
     */
    record Tiles(int outputs, int inputs) implements Layout {
        public Tiles {
            if (inputs % Buffer.GROUP != 0) throw new IllegalArgumentException(inputs + " inputs, not whole groups");
        }

        /** Bytes from a tile to the next. */
        public long stride(DType type) {
            long weights = (long) inputs * outputs * type.bytes;
            return type == DType.I8 ? weights + 2L * inputs / Buffer.GROUP * outputs : weights;
        }

        @Override
        public long bytes(DType type, long elements) {
            long tile = (long) inputs * outputs;
            return Math.multiplyExact((elements + tile - 1) / tile, stride(type));
        }

        @Override
        public long offset(DType type, long element) {
            long tile = (long) inputs * outputs;
            if (element % tile != 0) throw new IllegalArgumentException("element " + element + " inside a tile");
            return element / tile * stride(type);
        }
    }

    /**
     * An I8 matrix [out, in] in bands of {@link #ROWS} rows, the last one filled up: their weights row by row, then their
     * scales row by row, a float for {@link Buffer#GROUP} inputs. So every row of weights begins at a multiple of 16
     * bytes. Elements are counted row by row, and a slice takes whole bands.
     *
     * @param inputs a multiple of the group
     */
    record Bands(int inputs) implements Layout {
        public static final int ROWS = 4;

        public Bands {
            if (inputs % Buffer.GROUP != 0) throw new IllegalArgumentException(inputs + " inputs, not whole groups");
        }

        /** Bytes from a band to the next. */
        public long stride() {
            return ROWS * (inputs + 4L * inputs / Buffer.GROUP);
        }

        @Override
        public long bytes(DType type, long elements) {
            long band = (long) inputs * ROWS;
            return Math.multiplyExact((elements + band - 1) / band, stride());
        }

        @Override
        public long offset(DType type, long element) {
            long band = (long) inputs * ROWS;
            if (element % band != 0) throw new IllegalArgumentException("element " + element + " inside a band");
            return element / band * stride();
        }
    }
}
