package dev.outrider.data.image;

import dev.outrider.data.shard.ArrowFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.function.BiConsumer;
import org.apache.arrow.flatbuf.Field;
import org.apache.arrow.flatbuf.Schema;
import org.apache.arrow.flatbuf.Type;

/** One mapped file of pictures. */
final class PictureFileReader {
    // Buffers in depth-first order of the schema: validity before each.
    private static final int ID_OFFSETS = 1, IDS = 2, VALUES = 5, BUFFERS = 6;

    private final PictureManifest manifest;
    private final ArrowFile arrow;
    private final List<Batch> batches;

    private record Batch(long rows, long offsets, long ids, long values) {}

    PictureFileReader(Path file, PictureManifest manifest, PictureManifest.PictureFile expected, Arena arena) {
        this.manifest = manifest;
        arrow = new ArrowFile(file, expected.bytes(), arena);
        batches = arrow.read(this::schema, () -> BUFFERS, this::batch);
        long rows = batches.stream().mapToLong(Batch::rows).sum();
        if (rows != expected.pictures()) {
            throw arrow.corrupt(rows + " pictures", expected.pictures() + " as its manifest says");
        }
    }

    private void schema(Schema schema) {
        String version = Integer.toString(PictureManifest.SCHEMA);
        boolean ok = ArrowFile.metadata(schema, PictureFileWriter.SCHEMA_KEY).equals(java.util.Optional.of(version))
                && schema.fieldsLength() == 2
                && ArrowFile.named(schema.fields(0), PictureFileWriter.PICTURE, Type.Utf8)
                && values(schema.fields(1));
        if (!ok) throw arrow.corrupt("other columns", "pictures and " + manifest.values() + " values of each");
    }

    private boolean values(Field field) {
        byte item = manifest.kind() == PictureKind.LEVELS ? Type.Int : Type.FloatingPoint;
        return ArrowFile.named(field, PictureFileWriter.VALUES, Type.FixedSizeList)
                && field.childrenLength() == 1
                && field.children(0).typeType() == item
                && ArrowFile.listSize(field) == manifest.values();
    }

    private Batch batch(ArrowFile.Batch batch) {
        long n = batch.rows(), offsets = batch.place(ID_OFFSETS, (n + 1) * 4);
        long ids = n == 0 ? 0 : arrow.data().get(ArrowFile.INT, offsets + n * 4);
        return new Batch(n, offsets, batch.place(IDS, ids), batch.place(VALUES, n * manifest.bytes()));
    }

    /** Every picture's id and where its values lie in the file. */
    void forEach(BiConsumer<String, MemorySegment> each) {
        MemorySegment data = arrow.data();
        for (Batch batch : batches) {
            for (long i = 0; i < batch.rows; i++) {
                int from = data.get(ArrowFile.INT, batch.offsets + i * 4);
                int to = data.get(ArrowFile.INT, batch.offsets + i * 4 + 4);
                byte[] id = data.asSlice(batch.ids + from, to - from).toArray(ValueLayout.JAVA_BYTE);
                each.accept(
                        new String(id, StandardCharsets.UTF_8),
                        data.asSlice(batch.values + i * manifest.bytes(), manifest.bytes()));
            }
        }
    }
}
