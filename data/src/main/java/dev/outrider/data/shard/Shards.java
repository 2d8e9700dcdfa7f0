package dev.outrider.data.shard;

import dev.outrider.checkpoints.Failure;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/**
 * The rows of a split: its shards mapped into memory, one after the other in the manifest's order. Rows are
 * copied straight from the map into the caller's arrays. Safe for use by several threads.
 */
public final class Shards implements AutoCloseable {
    private final Path folder;
    private final ShardManifest manifest;
    private final Arena arena = Arena.ofShared();
    private final ShardFileReader[] files;
    private final long[] first;

    private Shards(Path folder, ShardManifest manifest) {
        this.folder = folder;
        this.manifest = manifest;
        this.files = new ShardFileReader[manifest.files().size()];
        this.first = new long[files.length];
    }

    /** Opens a folder that holds {@code manifest.json} and the shards it names; checks structure, not hashes. */
    public static Shards open(Path folder) {
        Shards shards = new Shards(folder, ShardManifest.read(folder));
        try {
            shards.map();
            return shards;
        } catch (RuntimeException | Error e) {
            shards.close();
            throw e;
        }
    }

    private void map() {
        long rows = 0;
        for (int i = 0; i < files.length; i++) {
            ShardManifest.ShardFile file = manifest.files().get(i);
            files[i] = new ShardFileReader(folder.resolve(file.name()), length(), file, arena);
            first[i] = rows;
            if (files[i].topK() != files[0].topK()) throw mixed(file.name());
            rows += files[i].rows();
        }
    }

    private Failure mixed(String name) {
        return Failure.data(
                folder.resolve(name).toString(),
                "laws of another number of entries than in the shards before; corrupt",
                "the same in all shards of a folder",
                "Copy or make the shards again.");
    }

    public ShardManifest manifest() {
        return manifest;
    }

    public long rows() {
        return manifest.rows();
    }

    /** T, tokens of a row. */
    public int length() {
        return manifest.sequenceLength();
    }

    /**
     * Writes exactly length() ids and as many mask bytes (1 = supervised, 0 = context or padding). An id -1 - k stands for
     * the k-th of the row's {@link #pictures}, see {@link dev.outrider.decode.model.Picture}.
     *
     * @throws Failure DATA where a negative id stands for none of them
     */
    public void read(long row, int[] tokens, int at, byte[] mask, int maskAt) {
        int file = file(row);
        files[file].read(row - first[file], tokens, at, mask, maskAt);
    }

    /** K, entries of a token's stored law; 0: no laws are stored. */
    public int topK() {
        return files.length == 0 ? 0 : files[0].topK();
    }

    /**
     * Writes exactly length() · topK() ids and logarithms of probabilities from offset on: entry t·K + j is the
     * j-th most likely id in the place of token t, given those before it, by the target at temperature 1
     * without filters; id -1 and -infinity where nothing is stored (prompt, padding). Logarithms are float16
     * in the file: off by at most 2^-11 of their size. 1 - Σ exp is what all other ids have.
     */
    public void topLaws(long row, int[] ids, float[] logProbabilities, int offset) {
        int file = file(row);
        files[file].topLaws(row - first[file], ids, logProbabilities, offset);
    }

    /** Ids of the pictures in the row, in the order of their numbers; empty where there is none. */
    public List<String> pictures(long row) {
        int file = file(row);
        return files[file].pictures(row - first[file]);
    }

    /** Tokens of the row before the padding. */
    public int length(long row) {
        int file = file(row);
        return files[file].length(row - first[file]);
    }

    /** Id of the document (or answer) that the row's first token comes from. */
    public String document(long row) {
        int file = file(row);
        return files[file].document(row - first[file]);
    }

    private int file(long row) {
        Objects.checkIndex(row, rows());
        return last(first, row);
    }

    /** Index of the last entry that is not above the value, in ascending entries the first of which is not. */
    static int last(long[] ascending, long value) {
        int low = 0, high = ascending.length - 1;
        while (low < high) {
            int middle = (low + high + 1) >>> 1;
            if (ascending[middle] <= value) low = middle;
            else high = middle - 1;
        }
        return low;
    }

    /** Reads every byte and compares with the manifest's hashes. */
    public Shards verify() {
        for (ShardManifest.ShardFile file : manifest.files()) {
            Hashes.require(folder.resolve(file.name()), file.sha256(), "Copy or make the shards again.");
        }
        return this;
    }

    /** Refuses shards whose ids were made by another tokenizer. */
    public Shards requireTokenizer(String hash) {
        if (!manifest.tokenizerHash().equals(hash)) {
            throw Failure.data(
                    folder.resolve(ShardManifest.NAME).toString(),
                    "tokens of tokenizer " + manifest.tokenizerHash(),
                    "those of " + hash,
                    "Make the shards with the tokenizer of this model.");
        }
        return this;
    }

    @Override
    public void close() {
        arena.close();
    }
}
