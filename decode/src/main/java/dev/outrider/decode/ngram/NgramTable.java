package dev.outrider.decode.ngram;

import static dev.outrider.decode.ngram.NgramFormat.INT;
import static dev.outrider.decode.ngram.NgramFormat.LONG;

import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.DiskFailures;
import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.ngram.NgramFormat.Section;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.function.Consumer;

/**
 * What follows contexts of 0 to N - 1 tokens, most frequent first, with counts; N is at most 5. A file of at
 * most about 16 bytes an n-gram, mapped into memory and so opened at once, or the same bytes made in memory from
 * some texts. Nothing to train and nearly free to ask: the baseline that a neural draft has to beat.
 *
 * <p>Contexts are found by 32 bits of their keys within a slot of about ten: one context in 4 · 10⁸ that is not in
 * the table is taken for one that is. That costs a guess, never a wrong answer.
 *
 * <p>Safe for use by several threads; each asks through {@link Followers} of its own.
 */
public final class NgramTable implements AutoCloseable {
    private final String place;
    private final Arena arena;
    private final MemorySegment bytes;
    private final NgramHeader header;
    private final Section[] sections;

    private NgramTable(String place, Arena arena, MemorySegment bytes, NgramHeader header) {
        this.place = place;
        this.arena = arena;
        this.bytes = bytes;
        this.header = header;
        sections = NgramFormat.sections(header, NgramFormat.headerBytes(header));
    }

    /**
     * Counts texts, each token after those before it in its own text, and keeps everything, in memory.
     *
     * @param order the longest n-gram, 1 to 5: 2 counts pairs of neighbours
     * @throws Failure DATA for an id that is not in the vocabulary, USAGE for another order
     */
    public static NgramTable of(int vocabulary, int order, Iterable<int[]> texts) {
        NgramCounter counter = new NgramCounter(vocabulary, order);
        texts.forEach(counter::count);
        return of(vocabulary, "", counter, Integer.MAX_VALUE, 1, Map.of());
    }

    /**
     * A table in memory.
     *
     * @param most followers to keep of each context (of the empty one all are kept)
     * @param least contexts that came fewer times are left out
     */
    public static NgramTable of(
            int vocabulary,
            String tokenizerHash,
            NgramCounter counter,
            int most,
            int least,
            Map<String, String> facts) {
        NgramCounts[] counts = counter.counts();
        long[] contexts = new long[counts.length];
        long[] entries = new long[counts.length];
        for (int k = 0; k < counts.length; k++) {
            counts[k] = k == 0 ? counts[k].prune(Integer.MAX_VALUE, 1) : counts[k].prune(most, least);
            contexts[k] = counts[k].contexts();
            entries[k] = counts[k].size();
        }
        NgramHeader header = new NgramHeader(vocabulary, tokenizerHash, counter.tokens(), contexts, entries, facts);
        Arena arena = Arena.ofAuto();
        MemorySegment bytes = arena.allocate(NgramWriter.size(header), 8);
        fill(header, bytes, writer -> {
            for (int k = 0; k < counts.length; k++) writer.add(k, counts[k]);
        });
        return new NgramTable("n-gram table", null, bytes, header);
    }

    /**
     * Writes a table, whole or not at all.
     *
     * @param body adds as many contexts and entries as the header says
     * @throws Failure MACHINE or USAGE where it cannot be written
     */
    public static void write(Path file, NgramHeader header, Consumer<NgramWriter> body) {
        write(file, NgramWriter.size(header), bytes -> fill(header, bytes, body));
    }

    private static void write(Path file, long size, Consumer<MemorySegment> body) {
        AtomicFiles.file(file, temporary -> {
            try (FileChannel channel = FileChannel.open(
                            temporary, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
                    Arena arena = Arena.ofShared()) {
                body.accept(channel.map(MapMode.READ_WRITE, 0, size, arena));
            }
        });
    }

    private static void fill(NgramHeader header, MemorySegment bytes, Consumer<NgramWriter> body) {
        NgramWriter writer = new NgramWriter(header, bytes);
        body.accept(writer);
        writer.finish();
    }

    /** Writes this table, whole or not at all. */
    public void write(Path file) {
        write(file, bytes.byteSize(), copy -> copy.copyFrom(bytes));
    }

    /**
     * Maps a file and checks its header and its length; {@link #verify} reads all of it.
     *
     * @throws Failure DATA: no table, too new, truncated, corrupt are different ones
     */
    public static NgramTable open(Path file) {
        Arena arena = Arena.ofShared();
        try (FileChannel channel = FileChannel.open(file)) {
            MemorySegment bytes = channel.map(MapMode.READ_ONLY, 0, channel.size(), arena);
            return new NgramTable(file.toString(), arena, bytes, header(file.toString(), bytes));
        } catch (IOException e) {
            arena.close();
            throw DiskFailures.reading(file, e);
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    private static NgramHeader header(String place, MemorySegment bytes) {
        if (bytes.byteSize() < 8 || bytes.get(LONG, 0) != NgramFormat.MAGIC) {
            throw Failure.data(place, "another kind of file", "an n-gram table of Outrider", "Give the table's file.");
        }
        long size = bytes.byteSize();
        if (size < NgramFormat.LEAST) throw truncated(place, size, "a whole header");
        int version = bytes.get(INT, NgramFormat.AT_VERSION);
        if (version > NgramFormat.VERSION) {
            throw Failure.data(
                    place + ", version",
                    "version " + version + ", too new",
                    "version " + NgramFormat.VERSION,
                    "Read it with the newer version of Outrider.");
        }
        if (version < 1) throw NgramFormat.corrupt(place + ", version", "version " + version, "1 or more");
        return checked(place, bytes, size, Integer.toUnsignedLong(bytes.get(INT, NgramFormat.AT_HEADER_BYTES)));
    }

    private static NgramHeader checked(String place, MemorySegment bytes, long size, long head) {
        if (head > size) throw truncated(place, size, "a header of " + head);
        if (head < NgramFormat.LEAST
                || NgramFormat.crc(bytes, NgramFormat.AT_CHECKED, head) != bytes.get(INT, NgramFormat.AT_HEADER_CRC)) {
            throw NgramFormat.corrupt(place + ", header", "another checksum", "the one that was written");
        }
        NgramHeader header = NgramFormat.read(bytes);
        long whole = NgramWriter.size(header);
        if (size < whole) throw truncated(place, size, whole + " bytes");
        if (size > whole) throw NgramFormat.corrupt(place, size + " bytes", whole + " bytes");
        return header;
    }

    private static Failure truncated(String place, long size, String expected) {
        return Failure.data(place, size + " bytes; truncated", expected, "Copy or make the table again.");
    }

    /**
     * Reads every byte and compares with the checksum.
     *
     * @throws Failure DATA where they differ
     */
    public NgramTable verify() {
        int found = NgramFormat.crc(bytes, NgramFormat.headerBytes(header), bytes.byteSize());
        int expected = bytes.get(INT, NgramFormat.AT_BODY_CRC);
        if (found != expected) {
            throw NgramFormat.corrupt(
                    place, "checksum " + Integer.toHexString(found), "checksum " + Integer.toHexString(expected));
        }
        return this;
    }

    /**
     * Refuses a table whose ids mean something else than the target's.
     *
     * @throws Failure DATA for another tokenizer's
     */
    public NgramTable requireTokenizer(String hash) {
        if (header.tokenizerHash().equals(hash)) return this;
        throw Failure.data(
                place,
                "tokens of tokenizer " + header.tokenizerHash(),
                "those of " + hash,
                "Make the table from answers of this target.");
    }

    public NgramHeader header() {
        return header;
    }

    public int vocabulary() {
        return header.vocabulary();
    }

    /** The longest n-gram. */
    public int order() {
        return header.order();
    }

    /** Bytes, on disk or in memory. */
    public long bytes() {
        return bytes.byteSize();
    }

    /** A way for one thread to ask. */
    public Followers followers() {
        return new Followers(this);
    }

    /** A number of the context that has this key, or -1. */
    long find(int length, long key) {
        Section section = sections[length];
        long slot = section.directory() + 4L * section.slot(key);
        long to = unsigned(slot + 4);
        for (long i = unsigned(slot); i < to; i++) {
            if (bytes.get(INT, section.fingerprints() + 4 * i) == (int) key) return i;
        }
        return -1;
    }

    /** The number of the first entry of a context. */
    long start(int length, long context) {
        return unsigned(sections[length].starts() + 4 * context);
    }

    int id(int length, long entry) {
        return bytes.get(INT, sections[length].ids() + 4 * entry);
    }

    int count(int length, long entry) {
        return bytes.get(INT, sections[length].counts() + 4 * entry);
    }

    Failure corrupt(String found) {
        return NgramFormat.corrupt(place, found, "what was written");
    }

    private long unsigned(long at) {
        return Integer.toUnsignedLong(bytes.get(INT, at));
    }

    /** A mapped file is let go, which must be when no thread asks any more; memory goes by itself. */
    @Override
    public void close() {
        if (arena != null) arena.close();
    }
}
