package dev.outrider.data.shard;

import dev.outrider.checkpoints.Failure;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.apache.arrow.flatbuf.Block;
import org.apache.arrow.flatbuf.Buffer;
import org.apache.arrow.flatbuf.Field;
import org.apache.arrow.flatbuf.FixedSizeList;
import org.apache.arrow.flatbuf.Footer;
import org.apache.arrow.flatbuf.Int;
import org.apache.arrow.flatbuf.Message;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.RecordBatch;
import org.apache.arrow.flatbuf.Schema;
import org.apache.arrow.flatbuf.Type;

/**
 * One mapped shard. All metadata are read and checked at opening; afterwards a row is an offset.
 *
 * <p>Arrow file: magic, padding, batches (metadata, body), footer, footer length, magic. The footer lists
 * each batch's place, a batch's metadata the place of each column's buffers in its body.
 */
final class ShardFileReader {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final byte[] MAGIC = {'A', 'R', 'R', 'O', 'W', '1'};
    private static final int BLOCK = 24;
    private static final int TAIL = 4 + MAGIC.length;
    // Buffers in depth-first order of the schema: each list has validity, its items validity and values.
    private static final int TOKENS = 2, MASK = 5, LENGTH = 7, OFFSETS = 9, NAMES = 10, BUFFERS = 11;
    private static final int TOP_IDS = 13, TOP_LOGS = 16, BUFFERS_WITH_LAWS = 17;

    private final Path file;
    private final int length;
    private final MemorySegment data;
    private final Batch[] batches;
    private final long[] first;
    private final long rows;
    private int topK;

    private record Batch(
            long first,
            long rows,
            long tokens,
            long mask,
            long length,
            long offsets,
            long names,
            long ids,
            long logs) {}

    ShardFileReader(Path file, int length, ShardManifest.ShardFile expected, Arena arena) {
        this.file = file;
        this.length = length;
        this.data = map(file, arena);
        if (data.byteSize() != expected.bytes()) {
            throw corrupt(data.byteSize() + " bytes", expected.bytes() + " bytes (truncated or changed)");
        }
        this.batches = metadata();
        this.first = java.util.Arrays.stream(batches).mapToLong(Batch::first).toArray();
        this.rows = batches.length == 0 ? 0 : batches[batches.length - 1].first + batches[batches.length - 1].rows;
        if (rows != expected.rows()) throw corrupt(rows + " rows", expected.rows() + " as its manifest says");
    }

    private static MemorySegment map(Path file, Arena arena) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
        } catch (IOException e) {
            throw Failure.data(
                    file.toString(), "no readable file", "a shard that the manifest names", "Copy the shards again.");
        }
    }

    // Damaged flatbuffers lead anywhere: whatever they throw means the same.
    private Batch[] metadata() {
        try {
            Footer footer = footer();
            schema(footer.schema());
            return batches(footer);
        } catch (Failure e) {
            throw e;
        } catch (RuntimeException | AssertionError e) {
            throw corrupt("unreadable metadata (" + e + ")", "those of an Arrow file");
        }
    }

    private Footer footer() {
        long size = data.byteSize();
        if (size < 2L * (TAIL + MAGIC.length)) throw corrupt(size + " bytes", "an Arrow file");
        if (!magic(0)) throw corrupt("another beginning", "the magic ARROW1 of an Arrow file");
        if (!magic(size - MAGIC.length)) throw corrupt("another end", "the magic ARROW1 (the file is cut off)");
        int bytes = data.get(INT, size - TAIL);
        if (bytes <= 0 || bytes > size - TAIL - 8)
            throw corrupt("a footer of " + bytes + " bytes", "one inside the file");
        return Footer.getRootAsFooter(slice(size - TAIL - bytes, bytes));
    }

    private boolean magic(long at) {
        return data.asSlice(at, MAGIC.length).mismatch(MemorySegment.ofArray(MAGIC)) < 0;
    }

    private void schema(Schema schema) {
        version(schema);
        boolean laws = schema.fieldsLength() == 6;
        boolean ok = (laws || schema.fieldsLength() == 4)
                && list(schema.fields(0), "tokens", 32)
                && list(schema.fields(1), "mask", 8)
                && named(schema.fields(2), "length", Type.Int)
                && named(schema.fields(3), "document", Type.Utf8);
        if (ok && laws) ok = laws(schema.fields(4), schema.fields(5));
        if (!ok)
            throw corrupt(
                    "other columns", "tokens, mask (lists of " + length + "), length, document, and perhaps laws");
    }

    private boolean laws(Field ids, Field logs) {
        if (!named(ids, ShardWriter.TOP_IDS, Type.FixedSizeList)
                || !named(logs, ShardWriter.TOP_LOGS, Type.FixedSizeList)) {
            return false;
        }
        int size = listSize(ids);
        topK = size / length;
        return topK > 0 && size % length == 0 && listSize(logs) == size;
    }

    private static int listSize(Field field) {
        return ((FixedSizeList) field.type(new FixedSizeList())).listSize();
    }

    private void version(Schema schema) {
        for (int i = 0; i < schema.customMetadataLength(); i++) {
            if (!ShardWriter.SCHEMA_KEY.equals(schema.customMetadata(i).key())) continue;
            ShardManifest.requireSchema(
                    file, Integer.parseInt(schema.customMetadata(i).value()));
            return;
        }
        throw corrupt("no schema version", "a shard written by Outrider");
    }

    private boolean list(Field field, String name, int bits) {
        if (!named(field, name, Type.FixedSizeList) || field.childrenLength() != 1) return false;
        int size = ((FixedSizeList) field.type(new FixedSizeList())).listSize();
        Field item = field.children(0);
        return size == length && item.typeType() == Type.Int && ((Int) item.type(new Int())).bitWidth() == bits;
    }

    private static boolean named(Field field, String name, byte type) {
        return name.equals(field.name()) && field.typeType() == type;
    }

    private Batch[] batches(Footer footer) {
        int count = footer.recordBatchesLength();
        if (count < 0 || count > data.byteSize() / BLOCK) throw corrupt(count + " record batches", "fewer");
        Batch[] out = new Batch[count];
        long first = 0;
        for (int i = 0; i < count; i++) {
            out[i] = batch(footer.recordBatches(i), first);
            first += out[i].rows;
        }
        return out;
    }

    private Batch batch(Block block, long first) {
        long at = block.offset(), body = at + block.metaDataLength();
        inside("record batch", at, block.metaDataLength() + block.bodyLength(), data.byteSize());
        int head = data.get(INT, at) == -1 ? 8 : 4;
        Message message = Message.getRootAsMessage(slice(at + head, block.metaDataLength() - head));
        if (message.headerType() != MessageHeader.RecordBatch) throw corrupt("another message", "a record batch");
        RecordBatch batch = (RecordBatch) message.header(new RecordBatch());
        if (batch.compression() != null) throw corrupt("compressed buffers", "uncompressed ones");
        int buffers = topK == 0 ? BUFFERS : BUFFERS_WITH_LAWS;
        if (batch.buffersLength() != buffers) throw corrupt(batch.buffersLength() + " buffers", "" + buffers);
        for (int i = 0; i < batch.nodesLength(); i++) {
            if (batch.nodes(i).nullCount() != 0) throw corrupt("null values", "none");
        }
        long n = batch.length(), offsets = place(batch, OFFSETS, (n + 1) * 4, body, block);
        if (n < 0) throw corrupt(n + " rows in a batch", "0 or more");
        return new Batch(
                first,
                n,
                place(batch, TOKENS, n * length * 4, body, block),
                place(batch, MASK, n * length, body, block),
                place(batch, LENGTH, n * 4, body, block),
                offsets,
                place(batch, NAMES, n == 0 ? 0 : data.get(INT, offsets + n * 4), body, block),
                topK == 0 ? 0 : place(batch, TOP_IDS, n * length * topK * 4, body, block),
                topK == 0 ? 0 : place(batch, TOP_LOGS, n * length * topK * 2, body, block));
    }

    // Absolute offset of a column's buffer, which must hold at least so many bytes inside the body.
    private long place(RecordBatch batch, int index, long bytes, long body, Block block) {
        Buffer buffer = batch.buffers(index);
        if (buffer.length() < bytes) throw corrupt("a column of " + buffer.length() + " bytes", bytes + " bytes");
        inside("column", buffer.offset(), buffer.length(), block.bodyLength());
        return body + buffer.offset();
    }

    private void inside(String what, long at, long bytes, long size) {
        if (at < 0 || bytes < 0 || at > size - bytes) {
            throw corrupt(what + " at " + at + " of " + bytes + " bytes", "one inside " + size + " bytes");
        }
    }

    private ByteBuffer slice(long at, long bytes) {
        return data.asSlice(at, bytes).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    private Failure corrupt(String found, String expected) {
        return Failure.data(file.toString(), found + "; corrupt", expected, "Copy or make the shards again.");
    }

    long rows() {
        return rows;
    }

    void read(long row, int[] tokens, int at, byte[] mask, int maskAt) {
        Batch batch = batch(row);
        long i = (row - batch.first) * length;
        MemorySegment.copy(data, INT, batch.tokens + i * 4, tokens, at, length);
        MemorySegment.copy(data, ValueLayout.JAVA_BYTE, batch.mask + i, mask, maskAt, length);
    }

    int topK() {
        return topK;
    }

    void topLaws(long row, int[] ids, float[] logProbabilities, int offset) {
        Batch batch = batch(row);
        int count = length * topK;
        long i = (row - batch.first) * count;
        MemorySegment.copy(data, INT, batch.ids + i * 4, ids, offset, count);
        for (int j = 0; j < count; j++) {
            logProbabilities[offset + j] = Float.float16ToFloat(data.get(SHORT, batch.logs + (i + j) * 2));
        }
    }

    int length(long row) {
        Batch batch = batch(row);
        return data.get(INT, batch.length + (row - batch.first) * 4);
    }

    String document(long row) {
        Batch batch = batch(row);
        long at = batch.offsets + (row - batch.first) * 4;
        int from = data.get(INT, at), to = data.get(INT, at + 4);
        byte[] name = data.asSlice(batch.names + from, to - from).toArray(ValueLayout.JAVA_BYTE);
        return new String(name, java.nio.charset.StandardCharsets.UTF_8);
    }

    private Batch batch(long row) {
        return batches[Shards.last(first, row)];
    }
}
