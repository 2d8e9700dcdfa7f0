package dev.outrider.trainer.layer;

/**
 * One named array of a layer, c-order.
 *
 * @param deviation of the normal law that a matrix starts from; gains start at 1 and biases at 0
 */
record Parameter(String name, Kind kind, double deviation, long... shape) {
    enum Kind {
        MATRIX,
        GAIN,
        BIAS
    }

    static Parameter matrix(String name, double deviation, long out, long in) {
        return new Parameter(name, Kind.MATRIX, deviation, out, in);
    }

    static Parameter gain(String name, long width) {
        return new Parameter(name, Kind.GAIN, 0, width);
    }

    static Parameter bias(String name, long width) {
        return new Parameter(name, Kind.BIAS, 0, width);
    }

    long elements() {
        long n = 1;
        for (long size : shape) n *= size;
        return n;
    }

    /** Weight decay takes matrices only, embedding and head among them. */
    boolean decays() {
        return kind == Kind.MATRIX;
    }
}
