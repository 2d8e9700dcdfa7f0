package dev.outrider.decode.model;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.Objects;

/** The logits of the last rows read, [rows, V]; grows when more rows are wanted than ever before. */
final class KeptLogits implements AutoCloseable {
    private final Device device;
    private final int vocabulary;
    private Buffer all;
    private Buffer[] tails;
    private int kept;

    KeptLogits(Device device, int vocabulary, int rows) {
        this.device = device;
        this.vocabulary = vocabulary;
        allocate(rows);
    }

    private void allocate(int rows) {
        all = device.allocate(DType.F32, (long) rows * vocabulary);
        tails = Slices.tails(all, rows);
    }

    /** Forgets what was kept and makes room for {@code rows} rows. */
    void keep(int rows) {
        kept = rows;
        if (rows <= tails.length) return;
        device.free(all);
        allocate(rows);
    }

    /** Where rows from {@code first} on are written. */
    Buffer rows(int first) {
        return tails[first];
    }

    Buffer row(int row) {
        return tails[Objects.checkIndex(row, kept)];
    }

    @Override
    public void close() {
        device.free(all);
    }
}
