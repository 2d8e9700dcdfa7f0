package dev.outrider.decode.device;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * What is costly to make, by what it is made for: those that were asked for last are kept, and others released. Training
 * that leaves padding out multiplies matrices of another shape in every step.
 */
public final class Kept<K, V> {
    private final int most;
    private final Function<K, V> make;
    private final Consumer<V> release;
    private final Map<K, V> all;

    /** @param most that are kept */
    public Kept(int most, Function<K, V> make, Consumer<V> release) {
        this.most = most;
        this.make = make;
        this.release = release;
        all = new LinkedHashMap<>(2 * most, 0.75f, true);
    }

    /** Valid until as many others were asked for as are kept. */
    public V of(K key) {
        V kept = all.get(key);
        if (kept == null) {
            if (all.size() == most) releaseEldest();
            all.put(key, kept = make.apply(key));
        }
        return kept;
    }

    private void releaseEldest() {
        var eldest = all.entrySet().iterator();
        V value = eldest.next().getValue();
        eldest.remove();
        release.accept(value);
    }

    /** What is kept now. */
    public Iterable<V> values() {
        return all.values();
    }

    /** Forgets all without releasing it. */
    public void clear() {
        all.clear();
    }
}
