package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.ALL;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Layout;
import java.lang.foreign.MemorySegment;

/** Rows of a table by id, and their gradient, which is cut by columns so that equal ids meet in one thread. */
final class Embedding {
    private Embedding() {}

    /** Ids are checked by the caller. */
    static void forward(Threads threads, long out, Buffer table, int[] ids, int offset, int rows, int width) {
        if (threads.alone((long) rows * width)) rows(out, table, ids, offset, 0, rows, width);
        else threads.split(rows, (from, to) -> rows(out, table, ids, offset, from, to, width));
    }

    private static void rows(long out, Buffer table, int[] ids, int offset, int from, int to, int width) {
        long stride = (long) width * table.type().bytes;
        for (int r = from; r < to; r++) {
            long source = table.address() + ids[offset + r] * stride, at = out + 4L * r * width;
            if (table.layout() instanceof Layout.Tiles tiles) Tiles.widen(at, table, tiles, ids[offset + r]);
            else if (table.type() == DType.F32) MemorySegment.copy(ALL, source, ALL, at, 4L * width);
            else Gemm.widenRow(table.type(), at, source, width);
        }
    }

    static void gradient(Threads threads, long dtable, long dy, int[] ids, int offset, int rows, int width) {
        if (threads.alone((long) rows * width)) columns(dtable, dy, ids, offset, rows, 0, width, width);
        else threads.split(width, (from, to) -> columns(dtable, dy, ids, offset, rows, from, to, width));
    }

    private static void columns(long dtable, long dy, int[] ids, int offset, int rows, int from, int to, int width) {
        for (int r = 0; r < rows; r++) {
            long at = dtable + 4 * ((long) ids[offset + r] * width + from);
            Elementwise.add(at, dy + 4 * ((long) r * width + from), to - from);
        }
    }
}
