package dev.outrider.data.shard;

import dev.outrider.decode.model.Picture;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.flatbuf.Field;
import org.apache.arrow.flatbuf.Int;
import org.apache.arrow.flatbuf.Schema;
import org.apache.arrow.flatbuf.Type;

/** One mapped shard: a row is an offset. */
final class ShardFileReader {
    // Buffers in depth-first order of the schema: each list has validity, its items validity and values.
    private static final int TOKENS = 2, MASK = 5, LENGTH = 7, OFFSETS = 9, NAMES = 10, BUFFERS = 11;
    private static final int TOP_IDS = 13, TOP_LOGS = 16, BUFFERS_WITH_LAWS = 17;
    // Behind the others: validity and offsets of the lists; validity, offsets and bytes of the texts in them.
    private static final int PICTURES = 1, PICTURE_OFFSETS = 3, PICTURE_IDS = 4, BUFFERS_OF_PICTURES = 5;
    private static final int COLUMNS = 4, COLUMNS_WITH_LAWS = 6;

    private final Path file;
    private final int length;
    private final ArrowFile arrow;
    private final MemorySegment data;
    private final List<Batch> batches;
    private final long[] first;
    private long rows;
    private int topK;
    private boolean pictures;

    private record Batch(
            long first,
            long tokens,
            long mask,
            long length,
            long offsets,
            long names,
            long ids,
            long logs,
            long pictures,
            long texts,
            long pictureOffsets,
            long pictureIds) {}

    ShardFileReader(Path file, int length, ShardManifest.ShardFile expected, Arena arena) {
        this.file = file;
        this.length = length;
        this.arrow = new ArrowFile(file, expected.bytes(), arena);
        this.data = arrow.data();
        this.batches = arrow.read(this::schema, this::buffers, this::batch);
        this.first = batches.stream().mapToLong(Batch::first).toArray();
        if (rows != expected.rows()) throw arrow.corrupt(rows + " rows", expected.rows() + " as its manifest says");
    }

    private void schema(Schema schema) {
        String version = ArrowFile.metadata(schema, ShardWriter.SCHEMA_KEY)
                .orElseThrow(() -> arrow.corrupt("no schema version", "a shard written by Outrider"));
        ShardManifest.requireSchema(file, Integer.parseInt(version));
        int columns = schema.fieldsLength();
        boolean laws = columns >= COLUMNS_WITH_LAWS;
        pictures = columns == (laws ? COLUMNS_WITH_LAWS : COLUMNS) + 1;
        boolean ok = (pictures || columns == COLUMNS || columns == COLUMNS_WITH_LAWS)
                && list(schema.fields(0), "tokens", 32)
                && list(schema.fields(1), "mask", 8)
                && ArrowFile.named(schema.fields(2), "length", Type.Int)
                && ArrowFile.named(schema.fields(3), "document", Type.Utf8);
        if (ok && laws) ok = laws(schema.fields(4), schema.fields(5));
        if (ok && pictures) ok = texts(schema.fields(columns - 1), ShardWriter.PICTURES);
        if (!ok) {
            throw arrow.corrupt(
                    "other columns",
                    "tokens, mask (lists of " + length + "), length, document, and perhaps laws and pictures");
        }
    }

    private boolean laws(Field ids, Field logs) {
        if (!ArrowFile.named(ids, ShardWriter.TOP_IDS, Type.FixedSizeList)
                || !ArrowFile.named(logs, ShardWriter.TOP_LOGS, Type.FixedSizeList)) {
            return false;
        }
        int size = ArrowFile.listSize(ids);
        topK = size / length;
        return topK > 0 && size % length == 0 && ArrowFile.listSize(logs) == size;
    }

    private boolean list(Field field, String name, int bits) {
        if (!ArrowFile.named(field, name, Type.FixedSizeList) || field.childrenLength() != 1) return false;
        Field item = field.children(0);
        return ArrowFile.listSize(field) == length
                && item.typeType() == Type.Int
                && ((Int) item.type(new Int())).bitWidth() == bits;
    }

    private static boolean texts(Field field, String name) {
        return ArrowFile.named(field, name, Type.List)
                && field.childrenLength() == 1
                && field.children(0).typeType() == Type.Utf8;
    }

    private int buffers() {
        return withoutPictures() + (pictures ? BUFFERS_OF_PICTURES : 0);
    }

    private int withoutPictures() {
        return topK == 0 ? BUFFERS : BUFFERS_WITH_LAWS;
    }

    private Batch batch(ArrowFile.Batch batch) {
        long n = batch.rows(), offsets = batch.place(OFFSETS, (n + 1) * 4), from = rows;
        rows += n;
        int at = withoutPictures();
        long lists = pictures ? batch.place(at + PICTURES, (n + 1) * 4) : 0;
        long texts = pictures && n > 0 ? last(lists, n) : 0;
        long textOffsets = texts == 0 ? 0 : batch.place(at + PICTURE_OFFSETS, (texts + 1) * 4);
        return new Batch(
                from,
                batch.place(TOKENS, n * length * 4),
                batch.place(MASK, n * length),
                batch.place(LENGTH, n * 4),
                offsets,
                batch.place(NAMES, n == 0 ? 0 : last(offsets, n)),
                topK == 0 ? 0 : batch.place(TOP_IDS, n * length * topK * 4),
                topK == 0 ? 0 : batch.place(TOP_LOGS, n * length * topK * 2),
                lists,
                texts,
                textOffsets,
                texts == 0 ? 0 : batch.place(at + PICTURE_IDS, last(textOffsets, texts)));
    }

    private int last(long offsets, long count) {
        return data.get(ArrowFile.INT, offsets + count * 4);
    }

    long rows() {
        return rows;
    }

    void read(long row, int[] tokens, int at, byte[] mask, int maskAt) {
        Batch batch = batch(row);
        long i = (row - batch.first) * length;
        MemorySegment.copy(data, ArrowFile.INT, batch.tokens + i * 4, tokens, at, length);
        MemorySegment.copy(data, ValueLayout.JAVA_BYTE, batch.mask + i, mask, maskAt, length);
        for (int t = at; t < at + length; t++) if (Picture.isPlaceholder(tokens[t])) require(batch, row, tokens[t]);
    }

    private void require(Batch batch, long row, int placeholder) {
        int there = count(batch, row);
        if (Picture.number(placeholder) < there) return;
        throw ShardRow.stray(file + ", row " + row, placeholder, there);
    }

    private int count(Batch batch, long row) {
        if (!pictures) return 0;
        long at = batch.pictures + (row - batch.first) * 4;
        return data.get(ArrowFile.INT, at + 4) - data.get(ArrowFile.INT, at);
    }

    List<String> pictures(long row) {
        Batch batch = batch(row);
        int count = count(batch, row);
        if (count == 0) return List.of();
        int from = data.get(ArrowFile.INT, batch.pictures + (row - batch.first) * 4);
        if (count < 0 || from < 0 || (long) from + count > batch.texts) {
            throw arrow.corrupt("row " + row + " with pictures " + from + " and " + count + " more", "fewer");
        }
        List<String> ids = new ArrayList<>(count);
        for (int i = 0; i < count; i++) ids.add(text(batch.pictureOffsets, batch.pictureIds, from + i));
        return ids;
    }

    int topK() {
        return topK;
    }

    void topLaws(long row, int[] ids, float[] logProbabilities, int offset) {
        Batch batch = batch(row);
        int count = length * topK;
        long i = (row - batch.first) * count;
        MemorySegment.copy(data, ArrowFile.INT, batch.ids + i * 4, ids, offset, count);
        for (int j = 0; j < count; j++) {
            logProbabilities[offset + j] = Float.float16ToFloat(data.get(ArrowFile.SHORT, batch.logs + (i + j) * 2));
        }
    }

    int length(long row) {
        Batch batch = batch(row);
        return data.get(ArrowFile.INT, batch.length + (row - batch.first) * 4);
    }

    String document(long row) {
        Batch batch = batch(row);
        return text(batch.offsets, batch.names, row - batch.first);
    }

    private String text(long offsets, long bytes, long index) {
        long at = offsets + index * 4;
        int from = data.get(ArrowFile.INT, at), to = data.get(ArrowFile.INT, at + 4);
        boolean inside = from >= 0 && to >= from && bytes + to <= data.byteSize();
        if (!inside) throw arrow.corrupt("a text from " + from + " to " + to, "one inside its column");
        byte[] text = data.asSlice(bytes + from, to - from).toArray(ValueLayout.JAVA_BYTE);
        return new String(text, StandardCharsets.UTF_8);
    }

    private Batch batch(long row) {
        return batches.get(Shards.last(first, row));
    }
}
