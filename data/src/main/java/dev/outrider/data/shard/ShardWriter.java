package dev.outrider.data.shard;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float2Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.UInt1Vector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.ipc.ArrowFileWriter;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Writes one shard: an uncompressed Arrow IPC file that any Arrow reader opens, with the columns
 * {@code tokens} (int32[T]), {@code mask} (uint8[T], 1 = supervised), {@code length} (int32, tokens before
 * the padding) and {@code document} (utf8). With laws also {@code top_ids} (int32[T·K]) and
 * {@code top_log_probabilities} (float16[T·K], rounded to nearest: within 2^-11 of the logarithm): entry t·K + j
 * belongs to the token at t, id -1 where nothing is stored. Where rows have pictures, also {@code pictures} (list of utf8,
 * their ids), of which token -1 - k stands for the k-th. Equal rows give equal bytes.
 */
public final class ShardWriter implements AutoCloseable {
    static final String TOP_IDS = "top_ids", TOP_LOGS = "top_log_probabilities";
    static final String PICTURES = "pictures";
    static final String SCHEMA_KEY = "outrider.schema", TOKENIZER_KEY = "outrider.tokenizer";
    private static final int BATCH_ROWS = 256, BATCH_VALUES = 1 << 22;

    private final Path file;
    private final int length, topK;
    private final boolean pictures;
    private final MessageDigest digest = Hashes.sha256();
    private final BufferAllocator memory = new RootAllocator();
    private final VectorSchemaRoot root;
    private final ArrowFileWriter arrow;
    private final int batchRows;
    private int filled;
    private long rows, tokens, supervised, documents;

    /**
     * @param file does not exist yet
     * @param length T
     * @param tokenizerHash kept in the file's own metadata too
     */
    public ShardWriter(Path file, int length, String tokenizerHash) throws IOException {
        this(file, length, tokenizerHash, 0, false);
    }

    /**
     * @param topK K, entries of a token's law; 0: no such columns
     * @param pictures whether rows may have pictures; otherwise there is no such column
     */
    public ShardWriter(Path file, int length, String tokenizerHash, int topK, boolean pictures) throws IOException {
        this.topK = topK;
        this.pictures = pictures;
        this.batchRows = topK == 0 ? BATCH_ROWS : Math.clamp(BATCH_VALUES / ((long) length * topK), 1, BATCH_ROWS);
        this.file = file;
        this.length = length;
        Map<String, String> metadata = new TreeMap<>();
        metadata.put(SCHEMA_KEY, Integer.toString(ShardManifest.SCHEMA));
        metadata.put(TOKENIZER_KEY, tokenizerHash);
        root = VectorSchemaRoot.create(new Schema(fields(length, topK, pictures), metadata), memory);
        var out = new DigestOutputStream(new BufferedOutputStream(Files.newOutputStream(file), 1 << 20), digest);
        arrow = new ArrowFileWriter(root, null, Channels.newChannel(out));
        arrow.start();
        begin();
    }

    private static List<Field> fields(int length, int topK, boolean pictures) {
        var list = FieldType.notNullable(new ArrowType.FixedSizeList(length));
        List<Field> fields = new ArrayList<>(List.of(
                new Field("tokens", list, List.of(plain("item", new ArrowType.Int(32, true)))),
                new Field("mask", list, List.of(plain("item", new ArrowType.Int(8, false)))),
                plain("length", new ArrowType.Int(32, true)),
                plain("document", new ArrowType.Utf8())));
        if (topK > 0) {
            var laws = FieldType.notNullable(new ArrowType.FixedSizeList(Math.multiplyExact(length, topK)));
            var half = new ArrowType.FloatingPoint(FloatingPointPrecision.HALF);
            fields.add(new Field(TOP_IDS, laws, List.of(plain("item", new ArrowType.Int(32, true)))));
            fields.add(new Field(TOP_LOGS, laws, List.of(plain("item", half))));
        }
        if (pictures) {
            var texts = FieldType.notNullable(new ArrowType.List());
            fields.add(new Field(PICTURES, texts, List.of(plain("item", new ArrowType.Utf8()))));
        }
        return fields;
    }

    private static Field plain(String name, ArrowType type) {
        return new Field(name, FieldType.notNullable(type), null);
    }

    /**
     * @throws dev.outrider.checkpoints.Failure DATA where the row has a negative id that stands for none of its pictures
     */
    public void add(ShardRow row) throws IOException {
        if (row.tokens().length > length) throw new IllegalArgumentException("row longer than " + length);
        if (row.laws().k() > 0 && row.laws().k() != topK) throw new IllegalArgumentException("laws of another K");
        if (!pictures && !row.pictures().isEmpty()) throw new IllegalArgumentException("a shard without pictures");
        row.requirePictures(file.toString());
        list("tokens").setNotNull(filled);
        list("mask").setNotNull(filled);
        int at = filled * length, n = row.tokens().length;
        var ids = (IntVector) list("tokens").getDataVector();
        var mask = (UInt1Vector) list("mask").getDataVector();
        for (int i = 0; i < length; i++) ids.set(at + i, i < n ? row.tokens()[i] : 0);
        for (int i = 0; i < length; i++) mask.set(at + i, i < n ? row.mask()[i] : 0);
        ((IntVector) root.getVector("length")).set(filled, n);
        ((VarCharVector) root.getVector("document"))
                .setSafe(filled, row.document().getBytes(StandardCharsets.UTF_8));
        if (topK > 0) laws(row);
        if (pictures) pictures(row);
        count(row);
        if (++filled == batchRows) flush();
    }

    private void laws(ShardRow row) {
        list(TOP_IDS).setNotNull(filled);
        list(TOP_LOGS).setNotNull(filled);
        var ids = (IntVector) list(TOP_IDS).getDataVector();
        var logs = (Float2Vector) list(TOP_LOGS).getDataVector();
        int from = row.lawsFrom() * topK, to = Math.min(from + row.laws().ids().length, row.tokens().length * topK);
        for (int i = 0; i < length * topK; i++) {
            boolean known = i >= from && i < to;
            ids.set(filled * length * topK + i, known ? row.laws().ids()[i - from] : -1);
            float log = known ? row.laws().logProbabilities()[i - from] : Float.NEGATIVE_INFINITY;
            logs.set(filled * length * topK + i, Float.floatToFloat16(log));
        }
    }

    private void pictures(ShardRow row) {
        ListVector lists = (ListVector) root.getVector(PICTURES);
        VarCharVector ids = (VarCharVector) lists.getDataVector();
        int at = lists.startNewValue(filled);
        for (String id : row.pictures()) ids.setSafe(at++, id.getBytes(StandardCharsets.UTF_8));
        lists.endValue(filled, row.pictures().size());
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
            vector.setInitialCapacity(batchRows);
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
