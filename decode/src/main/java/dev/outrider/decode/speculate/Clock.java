package dev.outrider.decode.speculate;

import dev.outrider.decode.speculate.Generation.Times;

/** Where a generation's time goes. */
final class Clock {
    private final long begun = System.nanoTime();
    private long prefill;
    private long draft;
    private long verify;
    private long since = begun;

    void prefilled() {
        prefill = System.nanoTime() - begun;
    }

    void start() {
        since = System.nanoTime();
    }

    /** The time since the last mark was the draft's. */
    void drafted() {
        draft += lap();
    }

    void verified() {
        verify += lap();
    }

    Times times() {
        return new Times(prefill, draft, verify, System.nanoTime() - begun);
    }

    private long lap() {
        long before = since;
        since = System.nanoTime();
        return since - before;
    }
}
