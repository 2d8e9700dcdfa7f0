package dev.outrider.decode.device.cuda.ptx;

import java.util.ArrayList;
import java.util.List;

/** What a thread has asked of cp.async: done as late as the rules allow, when it waits for it. */
final class AsyncCopies {
    private final List<Runnable> open = new ArrayList<>();
    private final List<List<Runnable>> groups = new ArrayList<>();

    void add(Runnable copy) {
        open.add(copy);
    }

    void commit() {
        groups.add(new ArrayList<>(open));
        open.clear();
    }

    /** Until at most so many of the groups are not done. */
    void await(int left) {
        while (groups.size() > left) groups.removeFirst().forEach(Runnable::run);
    }

    void awaitAll() {
        commit();
        await(0);
    }

    void clear() {
        open.clear();
        groups.clear();
    }

    /** A thread's end does not wait, but what was begun is still written: out of range or not is seen here. */
    void end() {
        awaitAll();
    }
}
