package dev.outrider.decode.device.cpu;

import dev.outrider.checkpoints.Failure;

/**
 * Loading libraries that a class binds when it is initialised. A class of its own, since what goes wrong there is thrown
 * where the class is first touched, before any method of it begins.
 */
final class Loading {
    private Loading() {}

    /** @throws Failure what kept the library from being loaded, not the error of the class that it is wrapped in */
    static void of(Runnable firstTouch) {
        try {
            firstTouch.run();
        } catch (ExceptionInInitializerError e) {
            if (e.getCause() instanceof Failure failure) throw failure;
            throw e;
        }
    }
}
