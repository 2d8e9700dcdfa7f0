package dev.outrider.decode.model;

import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.Arrays;
import java.util.Objects;

/**
 * Keys and values of the tokens read, as {@link Device#attend} has them, for every layer, allocated once. Forgetting is
 * O(1): entries past {@link #length} are never read and are written again before they count.
 */
public final class KvCache implements AutoCloseable {
    private final Device device;
    private final Buffer[] keys, values;
    private final int capacity, room;
    private int length;

    public KvCache(Device device, int layers, int capacity, int kvHeads, int headDim) {
        this.device = device;
        this.capacity = capacity;
        this.room = Device.cacheCapacity(capacity);
        long elements = (long) kvHeads * room * headDim;
        String what = "keys and values of " + capacity + " tokens in " + layers + " layers";
        Buffer[] both = Room.buffers(device, 2 * layers, elements, what, "A shorter context needs less.");
        this.keys = Arrays.copyOf(both, layers);
        this.values = Arrays.copyOfRange(both, layers, 2 * layers);
    }

    public Buffer keys(int layer) {
        return keys[layer];
    }

    public Buffer values(int layer) {
        return values[layer];
    }

    /** Most tokens. */
    public int capacity() {
        return capacity;
    }

    /** Capacity of the buffers: whole blocks. */
    public int room() {
        return room;
    }

    /** Tokens whose entries count. */
    public int length() {
        return length;
    }

    /** The next {@code count} entries have been written in every layer. */
    public void advance(int count) {
        length = Objects.checkIndex(length + count, capacity + 1);
    }

    /** Forgets all but the first {@code length} tokens. */
    public void truncate(int length) {
        this.length = Objects.checkIndex(length, this.length + 1);
    }

    @Override
    public void close() {
        for (Buffer buffer : keys) device.free(buffer);
        for (Buffer buffer : values) device.free(buffer);
    }
}
