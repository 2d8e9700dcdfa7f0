package dev.outrider.decode.device.cpu.x86;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Locale;
import java.util.Optional;

/**
 * Machine code that can be called, with one argument, an address. Its memory can be written or executed, never both, and
 * stays until the process ends.
 */
public final class Routine {
    private static final int READ = 1, WRITE = 2, EXECUTE = 4, PRIVATE = 2, ANONYMOUS = 0x20;

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;

    /** Of an address that is given: as a constant it costs as little as a call can. */
    private static final MethodHandle CALL = Linker.nativeLinker().downcallHandle(FunctionDescriptor.ofVoid(LONG));

    private final MemorySegment code;

    private Routine(long address) {
        code = MemorySegment.ofAddress(address);
    }

    /** Whether code can be placed here at all: Linux on x86-64. */
    public static boolean possible() {
        String cpu = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
        return System.getProperty("os.name").startsWith("Linux") && (cpu.equals("amd64") || cpu.equals("x86_64"));
    }

    /** Nothing where the system does not let a process execute what it wrote. */
    public static Optional<Routine> of(byte[] code) {
        Linker linker = Linker.nativeLinker();
        var find = linker.defaultLookup();
        MethodHandle map = linker.downcallHandle(
                find.findOrThrow("mmap"), FunctionDescriptor.of(LONG, LONG, LONG, INT, INT, INT, LONG));
        MethodHandle protect =
                linker.downcallHandle(find.findOrThrow("mprotect"), FunctionDescriptor.of(INT, LONG, LONG, INT));
        try {
            long at = (long) map.invokeExact(0L, (long) code.length, READ | WRITE, PRIVATE | ANONYMOUS, -1, 0L);
            if (at == -1) return Optional.empty();
            MemorySegment.ofAddress(at).reinterpret(code.length).copyFrom(MemorySegment.ofArray(code));
            int refused = (int) protect.invokeExact(at, (long) code.length, READ | EXECUTE);
            return refused == 0 ? Optional.of(new Routine(at)) : Optional.empty();
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    public void call(long argument) {
        try {
            CALL.invokeExact(code, argument);
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }
}
