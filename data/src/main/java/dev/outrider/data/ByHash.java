package dev.outrider.data;

import dev.outrider.data.shard.Hashes;
import org.apache.spark.Partitioner;

/** A record's file follows from the hash in hex that its key begins with, and from nothing else. */
public final class ByHash extends Partitioner {
    private static final long SALT = 0x5348415244L;

    private final int files;

    public ByHash(int files) {
        this.files = files;
    }

    @Override
    public int numPartitions() {
        return files;
    }

    @Override
    public int getPartition(Object key) {
        return (int) (Hashes.share((String) key, SALT) * files);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ByHash same && same.files == files;
    }

    @Override
    public int hashCode() {
        return files;
    }
}
