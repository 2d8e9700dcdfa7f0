package dev.outrider.data.shard;

/**
 * The order in which rows are visited: an endless sequence of epochs, each a permutation of its own, any
 * position of which is found in constant expected time without state. A Feistel network permutes the
 * smallest even number of bits that covers the rows; values outside walk the cycle until they fall inside
 * (Black and Rogaway 2002, "Ciphers with arbitrary finite domains").
 */
public final class Shuffle {
    private static final int ROUNDS = 6;

    private final long rows;
    private final long seed;
    private final int half;
    private final long mask;

    /** @param rows at least 1 */
    public Shuffle(long rows, long seed) {
        if (rows < 1) throw new IllegalArgumentException("no rows to shuffle");
        this.rows = rows;
        this.seed = seed;
        int bits = Math.max(2, 64 - Long.numberOfLeadingZeros(rows - 1));
        this.half = (bits + 1) / 2;
        this.mask = (1L << half) - 1;
    }

    /** The row at this position; positions 0 .. rows-1 are the first epoch, and so on. */
    public long row(long position) {
        long key = Hashes.mix(seed ^ Hashes.mix(position / rows));
        long x = position % rows;
        do x = permute(x, key);
        while (x >= rows);
        return x;
    }

    // A network over 2 · half bits, so at most 4 times the rows: under 4 walks on average.
    private long permute(long x, long key) {
        long left = x >>> half, right = x & mask;
        for (int round = 0; round < ROUNDS; round++) {
            long next = left ^ (Hashes.mix(key + round ^ right << 8) & mask);
            left = right;
            right = next;
        }
        return left << half | right;
    }
}
