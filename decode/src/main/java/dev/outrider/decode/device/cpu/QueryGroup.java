package dev.outrider.decode.device.cpu;

import dev.outrider.decode.device.Device;
import java.util.Arrays;

/**
 * Some queries of one key/value head against its cache, every key and value loaded once for all of them: out[D] =
 * softmax(q·K / √D) · V.
 */
abstract sealed class QueryGroup permits QueryLoops, QueryCode {
    final long[] out, query;
    final int[] seen;
    final int capacity;
    int count;

    /** @param capacity most entries, a multiple of {@link Device#CACHE_BLOCK} */
    QueryGroup(int most, int capacity) {
        this.capacity = capacity;
        out = new long[most];
        query = new long[most];
        seen = new int[most];
    }

    /** These, or where they are too few or too short others: at least {@code count}, for so many entries. */
    static QueryGroup[] enough(QueryGroup[] groups, int count, int capacity) {
        if (groups.length >= Math.max(1, count) && groups[0].capacity >= capacity) return groups;
        QueryGroup[] more = new QueryGroup[Math.max(count, groups.length)];
        Arrays.setAll(more, i -> QueryCode.POSSIBLE ? new QueryCode(capacity) : new QueryLoops(capacity));
        return more;
    }

    /** A query that sees n > 0 entries. */
    void add(long out, long query, int n) {
        this.out[count] = out;
        this.query[count] = query;
        seen[count++] = n;
    }

    boolean full() {
        return count == out.length;
    }

    /** Attends for the queries added, and forgets them. */
    void attend(long keys, long values, int headDim) {
        if (count > 0) attendAll(keys, values, headDim);
        count = 0;
    }

    abstract void attendAll(long keys, long values, int headDim);
}
