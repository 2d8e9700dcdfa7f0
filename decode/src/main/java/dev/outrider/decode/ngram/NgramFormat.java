package dev.outrider.decode.ngram;

import dev.outrider.checkpoints.Failure;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/**
 * Where things lie in a table's file; all numbers are little-endian.
 *
 * <pre>
 * 0   magic "OUTNGRAM"                  8   version (4), bytes of the header (4)
 * 16  CRC32C of the header from 24 on (4), of all behind the header (4)
 * 24  V (4), order N (4)                32  tokens counted (8)
 * 40  contexts (8), entries (8) by length of the context, N times
 * ..  number of strings (4), each as length (4) and UTF-8: the tokenizer's hash, then keys and values of facts;
 *     padding to 8
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
        long bytes = AT_SIZES + 16L * header.order() + 4;
        for (String each : strings(header)) bytes += 4 + utf8(each).length;
        return padded(bytes);
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
        to.set(INT, at, strings(header).size());
        at += 4;
        for (String each : strings(header)) {
            byte[] utf8 = utf8(each);
            to.set(INT.withByteAlignment(1), at, utf8.length);
            MemorySegment.copy(utf8, 0, to, ValueLayout.JAVA_BYTE, at + 4, utf8.length);
            at += 4 + utf8.length;
        }
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
        List<String> strings = strings(from, at + 4, from.get(INT, at));
        Map<String, String> facts = new TreeMap<>();
        for (int i = 1; i + 1 < strings.size(); i += 2) facts.put(strings.get(i), strings.get(i + 1));
        return new NgramHeader(
                from.get(INT, AT_VOCABULARY), strings.getFirst(), from.get(LONG, AT_TOKENS), contexts, entries, facts);
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

    private static List<String> strings(NgramHeader header) {
        List<String> strings = new ArrayList<>();
        strings.add(header.tokenizerHash());
        header.facts().forEach((key, value) -> strings.addAll(List.of(key, value)));
        return strings;
    }

    private static List<String> strings(MemorySegment from, long at, int count) {
        List<String> strings = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int length = from.get(INT.withByteAlignment(1), at);
            strings.add(
                    new String(from.asSlice(at + 4, length).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8));
            at += 4 + length;
        }
        return strings;
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static Failure corrupt(String place, String found, String expected) {
        return Failure.data(place, found + "; corrupt", expected, "Copy or make the table again.");
    }
}
