package dev.outrider.data.image;

import dev.outrider.data.image.PictureManifest.PictureFile;
import dev.outrider.data.shard.Hashes;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.ipc.ArrowFileWriter;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Writes a file of pictures: uncompressed Arrow IPC with the columns {@code picture} (utf8, its id) and {@code values}
 * (uint8[3·S·S] or float16[(P + 1)·C]). Equal pictures give equal bytes.
 */
final class PictureFileWriter implements AutoCloseable {
    static final String PICTURE = "picture", VALUES = "values", SCHEMA_KEY = "outrider.pictures";
    private static final int BATCH_BYTES = 1 << 22, BATCH_ROWS = 256;

    private final Path file;
    private final int values, bytes, batchRows;
    private final MessageDigest digest = Hashes.sha256();
    private final BufferAllocator memory = new RootAllocator();
    private final VectorSchemaRoot root;
    private final ArrowFileWriter arrow;
    private int filled;
    private long pictures;

    /** @param values of a picture */
    PictureFileWriter(Path file, PictureKind kind, int values) throws IOException {
        this.file = file;
        this.values = values;
        this.bytes = kind == PictureKind.LEVELS ? values : 2 * values;
        this.batchRows = Math.clamp(BATCH_BYTES / bytes, 1, BATCH_ROWS);
        root = VectorSchemaRoot.create(schema(kind, values), memory);
        var out = new DigestOutputStream(new BufferedOutputStream(Files.newOutputStream(file), 1 << 20), digest);
        arrow = new ArrowFileWriter(root, null, Channels.newChannel(out));
        arrow.start();
        begin();
    }

    private static Schema schema(PictureKind kind, int values) {
        ArrowType item = kind == PictureKind.LEVELS
                ? new ArrowType.Int(8, false)
                : new ArrowType.FloatingPoint(FloatingPointPrecision.HALF);
        List<Field> fields = List.of(
                new Field(PICTURE, FieldType.notNullable(new ArrowType.Utf8()), null),
                new Field(
                        VALUES,
                        FieldType.notNullable(new ArrowType.FixedSizeList(values)),
                        List.of(new Field("item", FieldType.notNullable(item), null))));
        return new Schema(fields, Map.of(SCHEMA_KEY, Integer.toString(PictureManifest.SCHEMA)));
    }

    /** @param picture as the file has it, little endian */
    void add(String id, byte[] picture) throws IOException {
        if (picture.length != bytes) throw new IllegalArgumentException(picture.length + " bytes, not " + bytes);
        ((VarCharVector) root.getVector(PICTURE)).setSafe(filled, id.getBytes(StandardCharsets.UTF_8));
        lists().setNotNull(filled);
        lists().getDataVector().getDataBuffer().setBytes((long) filled * bytes, picture);
        pictures++;
        if (++filled == batchRows) flush();
    }

    private FixedSizeListVector lists() {
        return (FixedSizeListVector) root.getVector(VALUES);
    }

    private void begin() {
        filled = 0;
        for (FieldVector vector : root.getFieldVectors()) {
            vector.setInitialCapacity(batchRows);
            vector.reset();
            vector.allocateNew();
        }
    }

    private void flush() throws IOException {
        var present = lists().getDataVector().getValidityBuffer();
        for (long i = 0, n = (long) filled * values; i < n; i += 8) {
            present.setByte(i / 8, i + 8 <= n ? -1 : (1 << (n - i)) - 1);
        }
        root.setRowCount(filled);
        arrow.writeBatch();
        begin();
    }

    /** Writes footer and magic and says what the file holds. Without it the file is none. */
    PictureFile finish() throws IOException {
        if (filled > 0) flush();
        arrow.end();
        arrow.close();
        return new PictureFile(file.getFileName().toString(), pictures, Files.size(file), Hashes.hex(digest));
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
