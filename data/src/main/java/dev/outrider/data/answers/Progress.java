package dev.outrider.data.answers;

/** Hears how far a generation is; from the driver's thread. */
@FunctionalInterface
public interface Progress {
    Progress NONE = (done, all, tokensPerSecond) -> {};

    /** @param tokensPerSecond of this run so far, all tasks together */
    void heard(long done, long all, double tokensPerSecond);
}
