package dev.outrider.data.shard;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.UInt1Vector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.ipc.ArrowFileWriter;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Writes one shard: an uncompressed Arrow IPC file that any Arrow reader opens, with the columns
 * {@code tokens} (int32[T]), {@code mask} (uint8[T], 1 = supervised), {@code length} (int32, tokens before
 * the padding) and {@code document} (utf8). Equal rows give equal bytes.
 */
public final class ShardWriter implements AutoCloseable {
    static final String SCHEMA_KEY = "outrider.schema", TOKENIZER_KEY = "outrider.tokenizer";
    private static final int BATCH_ROWS = 256;

    private final Path file;
    private final int length;
    private final MessageDigest digest = Hashes.sha256();
    private final BufferAllocator memory = new RootAllocator();
    private final VectorSchemaRoot root;
    private final ArrowFileWriter arrow;
    private int filled;
    private long rows, tokens, supervised, documents;

    /**
     * @param file does not exist yet
     * @param length T
     * @param tokenizerHash kept in the file's own metadata too
     */
    public ShardWriter(Path file, int length, String tokenizerHash) throws IOException {
        this.file = file;
        this.length = length;
        Map<String, String> metadata = new TreeMap<>();
        metadata.put(SCHEMA_KEY, Integer.toString(ShardManifest.SCHEMA));
        metadata.put(TOKENIZER_KEY, tokenizerHash);
        root = VectorSchemaRoot.create(new Schema(fields(length), metadata), memory);
        var out = new DigestOutputStream(new BufferedOutputStream(Files.newOutputStream(file), 1 << 20), digest);
        arrow = new ArrowFileWriter(root, null, Channels.newChannel(out));
        arrow.start();
        begin();
    }

    private static List<Field> fields(int length) {
        var list = FieldType.notNullable(new ArrowType.FixedSizeList(length));
        return List.of(
                new Field("tokens", list, List.of(plain("item", new ArrowType.Int(32, true)))),
                new Field("mask", list, List.of(plain("item", new ArrowType.Int(8, false)))),
                plain("length", new ArrowType.Int(32, true)),
                plain("document", new ArrowType.Utf8()));
    }

    private static Field plain(String name, ArrowType type) {
        return new Field(name, FieldType.notNullable(type), null);
    }

    public void add(ShardRow row) throws IOException {
        if (row.tokens().length > length) throw new IllegalArgumentException("row longer than " + length);
        list("tokens").setNotNull(filled);
        list("mask").setNotNull(filled);
        int at = filled * length, n = row.tokens().length;
        var ids = (IntVector) list("tokens").getDataVector();
        var mask = (UInt1Vector) list("mask").getDataVector();
        for (int i = 0; i < length; i++) ids.set(at + i, i < n ? row.tokens()[i] : 0);
        for (int i = 0; i < length; i++) mask.set(at + i, i < n ? row.mask()[i] : 0);
        ((IntVector) root.getVector("length")).set(filled, n);
        ((VarCharVector) root.getVector("document"))
                .setSafe(filled, row.document().getBytes(java.nio.charset.StandardCharsets.UTF_8));
        count(row);
        if (++filled == BATCH_ROWS) flush();
    }

    private void count(ShardRow row) {
        rows++;
        tokens += row.tokens().length;
        supervised += row.supervised();
        documents += row.begins();
    }

    private FixedSizeListVector list(String name) {
        return (FixedSizeListVector) root.getVector(name);
    }

    private void begin() {
        filled = 0;
        for (FieldVector vector : root.getFieldVectors()) {
            vector.setInitialCapacity(BATCH_ROWS);
            vector.reset();
            vector.allocateNew();
        }
    }

    private void flush() throws IOException {
        root.setRowCount(filled);
        arrow.writeBatch();
        begin();
    }

    /** Writes footer and magic and says what the file holds. Without it the file is not a shard. */
    public ShardManifest.ShardFile finish() throws IOException {
        if (filled > 0) flush();
        arrow.end();
        arrow.close();
        return new ShardManifest.ShardFile(
                file.getFileName().toString(),
                rows,
                tokens,
                supervised,
                documents,
                Files.size(file),
                Hashes.hex(digest));
    }

    @Override
    public void close() {
        try {
            arrow.close();
        } catch (RuntimeException e) {
            if (!(e.getCause() instanceof IOException)) throw e;
            throw new UncheckedIOException((IOException) e.getCause());
        } finally {
            root.close();
            memory.close();
        }
    }
}
