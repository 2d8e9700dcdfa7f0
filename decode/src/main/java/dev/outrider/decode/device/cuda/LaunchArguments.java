package dev.outrider.decode.device.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A kernel's arguments as cuLaunchKernel wants them: an array of pointers, each to a value; the driver copies the values. */
final class LaunchArguments {
    /** More than any kernel has. */
    static final int MOST = 64;

    private final MemorySegment pointers;
    private final MemorySegment values;

    LaunchArguments(Arena arena) {
        pointers = arena.allocate(MOST * Long.BYTES, Long.BYTES);
        values = arena.allocate(MOST * Long.BYTES, Long.BYTES);
        for (int i = 0; i < MOST; i++)
            pointers.setAtIndex(ValueLayout.JAVA_LONG, i, values.address() + (long) i * Long.BYTES);
    }

    /** The address of the array of pointers, valid until the next call. */
    long pack(Object[] arguments) {
        if (arguments.length > MOST) throw new IllegalArgumentException(arguments.length + " arguments");
        for (int i = 0; i < arguments.length; i++) put((long) i * Long.BYTES, arguments[i]);
        return pointers.address();
    }

    private void put(long at, Object argument) {
        switch (argument) {
            case Long x -> values.set(ValueLayout.JAVA_LONG, at, x);
            case Integer x -> values.set(ValueLayout.JAVA_INT, at, x);
            case Float x -> values.set(ValueLayout.JAVA_FLOAT, at, x);
            case Double x -> values.set(ValueLayout.JAVA_DOUBLE, at, x);
            default -> throw new IllegalArgumentException("a kernel's argument of " + argument.getClass());
        }
    }
}
