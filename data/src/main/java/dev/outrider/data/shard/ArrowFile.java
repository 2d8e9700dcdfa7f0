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
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.IntSupplier;
import org.apache.arrow.flatbuf.Block;
import org.apache.arrow.flatbuf.Buffer;
import org.apache.arrow.flatbuf.Field;
import org.apache.arrow.flatbuf.FixedSizeList;
import org.apache.arrow.flatbuf.Footer;
import org.apache.arrow.flatbuf.Message;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.RecordBatch;
import org.apache.arrow.flatbuf.Schema;
import org.apache.arrow.flatbuf.Type;

/**
 * One mapped Arrow file of uncompressed columns without nulls. Its metadata are read and checked once; afterwards a value
 * is at a place in {@link #data}.
 *
 * <p>Arrow file: magic, padding, batches (metadata, body), footer, footer length, magic. The footer lists
 * each batch's place, a batch's metadata the place of each column's buffers in its body.
 */
public final class ArrowFile {
    public static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    public static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final byte[] MAGIC = {'A', 'R', 'R', 'O', 'W', '1'};
    private static final int BLOCK = 24;
    private static final int TAIL = 4 + MAGIC.length;

    private final Path file;
    private final MemorySegment data;

    /**
     * @param bytes that the file must have
     * @param arena of the map
     * @throws Failure DATA where it is absent or has another size
     */
    public ArrowFile(Path file, long bytes, Arena arena) {
        this.file = file;
        this.data = map(file, arena);
        if (data.byteSize() != bytes) {
            throw corrupt(data.byteSize() + " bytes", bytes + " bytes (truncated or changed)");
        }
    }

    private static MemorySegment map(Path file, Arena arena) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
        } catch (IOException e) {
            throw Failure.data(
                    file.toString(), "no readable file", "a shard that the manifest names", "Copy the shards again.");
        }
    }

    /** The whole file. */
    public MemorySegment data() {
        return data;
    }

    /**
     * Reads the metadata.
     *
     * @param schema is to refuse columns that are others than expected
     * @param buffers of all columns together; asked for when the schema has been accepted
     * @param each makes what is remembered of a batch
     * @throws Failure DATA where they are damaged
     */
    public <T> List<T> read(Consumer<Schema> schema, IntSupplier buffers, Function<Batch, T> each) {
        // Damaged flatbuffers lead anywhere: whatever they throw means the same.
        try {
            Footer footer = footer();
            schema.accept(footer.schema());
            return batches(footer, buffers.getAsInt(), each);
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

    private <T> List<T> batches(Footer footer, int buffers, Function<Batch, T> each) {
        int count = footer.recordBatchesLength();
        if (count < 0 || count > data.byteSize() / BLOCK) throw corrupt(count + " record batches", "fewer");
        List<T> out = new ArrayList<>(count);
        for (int i = 0; i < count; i++) out.add(each.apply(batch(footer.recordBatches(i), buffers)));
        return out;
    }

    private Batch batch(Block block, int buffers) {
        long at = block.offset();
        inside("record batch", at, block.metaDataLength() + block.bodyLength(), data.byteSize());
        int head = data.get(INT, at) == -1 ? 8 : 4;
        Message message = Message.getRootAsMessage(slice(at + head, block.metaDataLength() - head));
        if (message.headerType() != MessageHeader.RecordBatch) throw corrupt("another message", "a record batch");
        RecordBatch batch = (RecordBatch) message.header(new RecordBatch());
        if (batch.compression() != null) throw corrupt("compressed buffers", "uncompressed ones");
        if (batch.buffersLength() != buffers) throw corrupt(batch.buffersLength() + " buffers", "" + buffers);
        for (int i = 0; i < batch.nodesLength(); i++) {
            if (batch.nodes(i).nullCount() != 0) throw corrupt("null values", "none");
        }
        if (batch.length() < 0) throw corrupt(batch.length() + " rows in a batch", "0 or more");
        return new Batch(batch, at + block.metaDataLength(), block.bodyLength());
    }

    /** Some rows, one after the other in each of their columns' buffers. */
    public final class Batch {
        private final RecordBatch batch;
        private final long body, bytes;

        private Batch(RecordBatch batch, long body, long bytes) {
            this.batch = batch;
            this.body = body;
            this.bytes = bytes;
        }

        public long rows() {
            return batch.length();
        }

        /**
         * Where a buffer lies in {@link #data}.
         *
         * @param index in depth-first order of the schema
         * @param atLeast bytes that it must hold
         * @throws Failure DATA where it holds fewer, or lies outside
         */
        public long place(int index, long atLeast) {
            Buffer buffer = batch.buffers(index);
            if (buffer.length() < atLeast)
                throw corrupt("a column of " + buffer.length() + " bytes", atLeast + " bytes");
            inside("column", buffer.offset(), buffer.length(), bytes);
            return body + buffer.offset();
        }
    }

    private void inside(String what, long at, long bytes, long size) {
        if (at < 0 || bytes < 0 || at > size - bytes) {
            throw corrupt(what + " at " + at + " of " + bytes + " bytes", "one inside " + size + " bytes");
        }
    }

    private ByteBuffer slice(long at, long bytes) {
        return data.asSlice(at, bytes).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    /** A member of the file's own metadata. */
    public static Optional<String> metadata(Schema schema, String key) {
        for (int i = 0; i < schema.customMetadataLength(); i++) {
            if (key.equals(schema.customMetadata(i).key()))
                return Optional.of(schema.customMetadata(i).value());
        }
        return Optional.empty();
    }

    /** Whether a column has this name and a type of this kind, see {@link Type}. */
    public static boolean named(Field field, String name, byte type) {
        return name.equals(field.name()) && field.typeType() == type;
    }

    /** Values in a row of a column of fixed-size lists. */
    public static int listSize(Field field) {
        return ((FixedSizeList) field.type(new FixedSizeList())).listSize();
    }

    public Failure corrupt(String found, String expected) {
        return Failure.data(file.toString(), found + "; corrupt", expected, "Copy or make the shards again.");
    }
}
