package dev.outrider.checkpoints;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;

/**
 * Puts a new folder where an old one is. rename(2) replaces no folder that has files in it, so the two
 * are exchanged in one step: renameat2(RENAME_EXCHANGE) of Linux, renamex_np(RENAME_SWAP) of macOS.
 * Elsewhere, and on file systems that cannot, the old one is moved aside first.
 */
final class Exchange {
    private static final int AT_FDCWD = -100, RENAME_EXCHANGE = 2, RENAME_SWAP = 2;
    private static final Optional<MethodHandle> LINUX = function(
            "renameat2",
            ValueLayout.JAVA_INT,
            ValueLayout.ADDRESS,
            ValueLayout.JAVA_INT,
            ValueLayout.ADDRESS,
            ValueLayout.JAVA_INT);
    private static final Optional<MethodHandle> MAC =
            function("renamex_np", ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_INT);

    private Exchange() {}

    /** Afterwards target is what temporary was; temporary may hold what target was, for the caller to delete. */
    static void intoPlace(Path temporary, Path target) throws IOException {
        if (!Files.exists(target)) {
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
        } else if (!swap(temporary, target)) {
            moveAside(temporary, target);
        }
    }

    static void moveAside(Path temporary, Path target) throws IOException {
        Path old = AtomicFiles.aside(target);
        Files.move(target, old, StandardCopyOption.ATOMIC_MOVE);
        try {
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            Files.move(old, target, StandardCopyOption.ATOMIC_MOVE);
            throw e;
        }
        AtomicFiles.delete(old);
    }

    /** False where the system or the file system cannot. */
    static boolean swap(Path a, Path b) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment from = arena.allocateFrom(a.toString()), to = arena.allocateFrom(b.toString());
            if (LINUX.isPresent()) {
                return (int) LINUX.get().invokeExact(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) == 0;
            }
            return MAC.isPresent() && (int) MAC.get().invokeExact(from, to, RENAME_SWAP) == 0;
        } catch (Throwable e) {
            throw new IllegalStateException("exchange of " + a + " and " + b, e);
        }
    }

    private static Optional<MethodHandle> function(String name, MemoryLayout... arguments) {
        Linker linker = Linker.nativeLinker();
        return linker.defaultLookup()
                .find(name)
                .map(f -> linker.downcallHandle(f, FunctionDescriptor.of(ValueLayout.JAVA_INT, arguments)));
    }
}
