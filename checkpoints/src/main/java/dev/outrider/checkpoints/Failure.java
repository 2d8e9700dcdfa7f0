package dev.outrider.checkpoints;

/**
 * What went wrong, in the terms of the person who can mend it: where, what was found, what was
 * expected, what to do. Thrown by any module, rendered once, by the command line, which exits with
 * {@link Kind#exitCode}. Bugs are ordinary exceptions, not Failures.
 */
public final class Failure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Who has to act; each has an exit code of its own. */
    public enum Kind {
        /** Configuration and usage: a recipe, a flag, a path or a port. */
        USAGE(2),
        /** Bad data or a bad checkpoint. */
        DATA(3),
        /** Training diverged. */
        DIVERGED(4),
        /** The machine gave out: no room on the disk, no memory. */
        MACHINE(5),
        /** Interrupted; what was reached is saved. */
        INTERRUPTED(130);

        public final int exitCode;

        Kind(int exitCode) {
            this.exitCode = exitCode;
        }
    }

    private final Kind kind;

    /**
     * @param place file and the place in it (tensor, offset, line, key)
     * @param found what is there
     * @param expected what should be there
     * @param remedy what to do
     */
    public Failure(Kind kind, String place, String found, String expected, String remedy, Throwable cause) {
        super(place + ": found " + found + "; expected " + expected + ". " + remedy, cause);
        this.kind = kind;
    }

    private Failure(Kind kind, String message, Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    /** For messages that do not fit "found, expected": interruptions, collected problems. */
    public static Failure of(Kind kind, String message) {
        return new Failure(kind, message, null);
    }

    public static Failure usage(String place, String found, String expected, String remedy) {
        return new Failure(Kind.USAGE, place, found, expected, remedy, null);
    }

    public static Failure data(String place, String found, String expected, String remedy) {
        return new Failure(Kind.DATA, place, found, expected, remedy, null);
    }

    public Kind kind() {
        return kind;
    }

    public int exitCode() {
        return kind.exitCode;
    }
}
