package dev.outrider.decode.ngram;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.Failure;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * Where things lie in a table's file; all numbers are little-endian.
 *
 * <pre>
 * 0   magic "OUTNGRAM"                  8   version (4), bytes of the header (4)
 * 16  CRC32C of the header from 24 on (4), of all behind the header (4)
 * 24  V (4), order N (4)                32  tokens counted (8)
 * 40  contexts (8), entries (8) by length of the context, N times
 * ..  length (4) and UTF-8 of the tokenizer's hash, length (4) and UTF-8 of the facts as JSON, padding to 8
 * then for each length of context, each padded to 8 bytes:
 *     directory    2^bits + 1 times 4: number of the first context whose key begins with these bits or more
 *     fingerprints a context 4: low bits of its key; contexts are in the order of their keys
 *     starts       contexts + 1 times 4: number of the context's first entry
 *     ids          an entry 4
 *     counts       an entry 4
 * </pre>
 *
 * A context with one follower so takes 16 bytes, one with m takes 16 + 8m, and the directory 1/4 to 1/2 byte.
 */
final class NgramFormat {
    static final long MAGIC = 0x4d4152474e54554fL; // "OUTNGRAM"
    static final int VERSION = 1;
    static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

    static final long AT_VERSION = 8, AT_HEADER_BYTES = 12, AT_HEADER_CRC = 16, AT_BODY_CRC = 20, AT_CHECKED = 24;
    private static final long AT_VOCABULARY = 24, AT_ORDER = 28, AT_TOKENS = 32, AT_SIZES = 40;

    /** A file shorter than that is none. */
    static final long LEAST = AT_SIZES;

    /** Contexts a directory's slot stands for, at least, on average. */
    private static final int SLOT = 8;

    private static final ObjectMapper JSON = new ObjectMapper();

    /** Places of one length of context: offsets of its columns, bits of its directory. */
    record Section(int bits, long contexts, long entries, long directory) {
        static Section at(long offset, long contexts, long entries) {
            int bits = 0;
            while (bits < 30 && contexts >> bits >= 2 * SLOT) bits++;
            return new Section(bits, contexts, entries, offset);
        }

        long fingerprints() {
            return directory + padded(((1L << bits) + 1) * 4);
        }

        long starts() {
            return fingerprints() + padded(contexts * 4);
        }

        long ids() {
            return starts() + padded((contexts + 1) * 4);
        }

        long counts() {
            return ids() + padded(entries * 4);
        }

        long end() {
            return counts() + padded(entries * 4);
        }

        /** The directory's slot of a key. */
        int slot(long key) {
            return bits == 0 ? 0 : (int) (key >>> Long.SIZE - bits);
        }
    }

    private NgramFormat() {}

    static Section[] sections(NgramHeader header, long offset) {
        Section[] sections = new Section[header.order()];
        for (int k = 0; k < sections.length; k++) {
            sections[k] = Section.at(offset, header.contexts()[k], header.entries()[k]);
            offset = sections[k].end();
        }
        return sections;
    }

    static long headerBytes(NgramHeader header) {
        return padded(AT_SIZES
                + 16L * header.order()
                + 8
                + header.tokenizerHash().getBytes(StandardCharsets.UTF_8).length
                + json(header.facts()).length);
    }

    /** Everything but the checksums. */
    static void write(NgramHeader header, MemorySegment to) {
        to.set(LONG, 0, MAGIC);
        to.set(INT, AT_VERSION, VERSION);
        to.set(INT, AT_HEADER_BYTES, Math.toIntExact(headerBytes(header)));
        to.set(INT, AT_VOCABULARY, header.vocabulary());
        to.set(INT, AT_ORDER, header.order());
        to.set(LONG, AT_TOKENS, header.tokens());
        long at = AT_SIZES;
        for (int k = 0; k < header.order(); k++, at += 16) {
            to.set(LONG, at, header.contexts()[k]);
            to.set(LONG, at + 8, header.entries()[k]);
        }
        at = string(to, at, header.tokenizerHash().getBytes(StandardCharsets.UTF_8));
        string(to, at, json(header.facts()));
    }

    /** Of a header whose checksum is right. */
    static NgramHeader read(MemorySegment from) {
        int order = from.get(INT, AT_ORDER);
        long[] contexts = new long[order];
        long[] entries = new long[order];
        long at = AT_SIZES;
        for (int k = 0; k < order; k++, at += 16) {
            contexts[k] = from.get(LONG, at);
            entries[k] = from.get(LONG, at + 8);
        }
        byte[] hash = string(from, at);
        byte[] facts = string(from, at + 4 + hash.length);
        return new NgramHeader(
                from.get(INT, AT_VOCABULARY),
                new String(hash, StandardCharsets.UTF_8),
                from.get(LONG, AT_TOKENS),
                contexts,
                entries,
                facts(facts));
    }

    static int crc(MemorySegment bytes, long from, long to) {
        CRC32C crc = new CRC32C();
        for (long at = from, next; at < to; at = next) {
            next = Math.min(to, at + (1 << 30));
            crc.update(bytes.asSlice(at, next - at).asByteBuffer());
        }
        return (int) crc.getValue();
    }

    static long padded(long bytes) {
        return bytes + 7 & -8;
    }

    private static long string(MemorySegment to, long at, byte[] utf8) {
        to.set(INT.withByteAlignment(1), at, utf8.length);
        MemorySegment.copy(utf8, 0, to, ValueLayout.JAVA_BYTE, at + 4, utf8.length);
        return at + 4 + utf8.length;
    }

    private static byte[] string(MemorySegment from, long at) {
        int length = from.get(INT.withByteAlignment(1), at);
        return from.asSlice(at + 4, length).toArray(ValueLayout.JAVA_BYTE);
    }

    private static byte[] json(Map<String, String> facts) {
        try {
            return JSON.writeValueAsBytes(facts);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    // Written by code of ours under a checksum that was right.
    private static Map<String, String> facts(byte[] json) {
        try {
            @SuppressWarnings("unchecked")
            Map<String, String> facts = JSON.readValue(json, Map.class);
            return facts;
        } catch (java.io.IOException e) {
            throw new IllegalStateException(Arrays.toString(json), e);
        }
    }

    static Failure corrupt(String place, String found, String expected) {
        return Failure.data(place, found + "; corrupt", expected, "Copy or make the table again.");
    }
}
