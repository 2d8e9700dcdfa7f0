package dev.outrider.decode.device.cuda.ptx;

/** One instruction that goes on to the next, decoded: sources and results are slots of r, whose bits above the type's are of no meaning. */
interface Step {
    void run(Lane t, long[] r);

    /** What ends a stretch of steps: a branch, a call, or an instruction that may wait for other threads. */
    interface Flow {
        /** Where the thread gives up its turn: it waits, or has ended. */
        int PAUSE = -1;
        /** The thread has another function's code now. */
        int MOVED = -2;

        /** The next stretch, or {@link #PAUSE}, or {@link #MOVED}. */
        int next(Lane t, long[] r);
    }
}
