package dev.outrider.decode.ngram;

import static dev.outrider.decode.ngram.NgramFormat.INT;

import dev.outrider.decode.ngram.NgramFormat.Section;
import java.lang.foreign.MemorySegment;

/** Fills the bytes of a table from {@linkplain NgramCounts#prune pruned} counts, in the order of their keys. */
public final class NgramWriter {
    private final NgramHeader header;
    private final MemorySegment bytes;
    private final Section[] sections;
    // By length of context: what is already there.
    private final long[] contexts;
    private final long[] entries;
    private final int[] slots;

    /** Bytes of a table with this header. */
    static long size(NgramHeader header) {
        Section[] sections = NgramFormat.sections(header, NgramFormat.headerBytes(header));
        return sections[sections.length - 1].end();
    }

    NgramWriter(NgramHeader header, MemorySegment bytes) {
        this.header = header;
        this.bytes = bytes;
        sections = NgramFormat.sections(header, NgramFormat.headerBytes(header));
        contexts = new long[sections.length];
        entries = new long[sections.length];
        slots = new int[sections.length];
        NgramFormat.write(header, bytes);
    }

    /**
     * Adds contexts of one length.
     *
     * @param length tokens of the contexts
     * @param pruned keys above those that were added before
     */
    public void add(int length, NgramCounts pruned) {
        for (int i = 0; i < pruned.size(); i++) {
            if (i == 0 || pruned.key(i) != pruned.key(i - 1)) context(length, pruned.key(i));
            bytes.set(INT, sections[length].ids() + 4 * entries[length], pruned.id(i));
            bytes.set(INT, sections[length].counts() + 4 * entries[length], pruned.count(i));
            entries[length]++;
        }
    }

    private void context(int length, long key) {
        Section section = sections[length];
        fill(length, section.slot(key));
        bytes.set(INT, section.fingerprints() + 4 * contexts[length], (int) key);
        bytes.set(INT, section.starts() + 4 * contexts[length], (int) entries[length]);
        contexts[length]++;
    }

    /** Slots up to this one begin with the next context. */
    private void fill(int length, int slot) {
        while (slots[length] <= slot) {
            bytes.set(INT, sections[length].directory() + 4L * slots[length]++, (int) contexts[length]);
        }
    }

    void finish() {
        for (int k = 0; k < sections.length; k++) {
            if (contexts[k] != sections[k].contexts() || entries[k] != sections[k].entries()) {
                throw new IllegalStateException("other counts than the header's");
            }
            fill(k, 1 << sections[k].bits());
            bytes.set(INT, sections[k].starts() + 4 * contexts[k], (int) entries[k]);
        }
        long body = NgramFormat.headerBytes(header);
        bytes.set(INT, NgramFormat.AT_BODY_CRC, NgramFormat.crc(bytes, body, bytes.byteSize()));
        bytes.set(INT, NgramFormat.AT_HEADER_CRC, NgramFormat.crc(bytes, NgramFormat.AT_CHECKED, body));
    }
}
