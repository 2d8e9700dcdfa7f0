package dev.outrider.decode.device.cuda;

import static dev.outrider.decode.device.cuda.CudaDriverTest.failsWith;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.outrider.checkpoints.Failure;
import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

/** Calls of C, on functions of libc that return an int. */
class NativeCallTest {
    private static final ThreadMXBean BEAN = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int CALLS = 10_000;
    private static final long PATIENCE_NANOS = 10_000_000_000L;

    private final NativeLibrary libc = new NativeLibrary(
            "libc",
            Linker.nativeLinker().defaultLookup(),
            "Get another.",
            (call, status) -> Failure.of(Failure.Kind.MACHINE, call + " says " + status));

    @Test
    void argumentsAndStatus() {
        NativeCall abs = libc.call("abs", "i");
        assertThat(abs.status(-7)).isEqualTo(7);
        assertThat(abs.status(0x1_0000_0003L)).isEqualTo(3); // an int is the lower half
        abs.run(0);
        failsWith(() -> abs.run(-7), Failure.Kind.MACHINE, "abs says 7");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment a = arena.allocateFrom("same"), b = arena.allocateFrom("same");
            libc.call("memcmp", "ppp").run(a.address(), b.address(), 5);
            assertThat(NativeLibrary.text(a.address())).isEqualTo("same");
        }
        assertThat(NativeLibrary.text(0)).isEmpty();
        failsWith(
                () -> libc.call("no_such_function", "p"),
                Failure.Kind.MACHINE,
                "libc",
                "no_such_function",
                "Get another.");
    }

    @Test
    void callsAndArgumentsMakeNoGarbage() {
        NativeCall abs = libc.call("abs", "i");
        try (Arena arena = Arena.ofConfined()) {
            LaunchArguments arguments = new LaunchArguments(arena);
            Object[] given = {1L << 40, 7, 0.5f, -2.5};
            assertThat(garbage(() -> abs.run(0))).as("bytes a call").isLessThan(1);
            assertThat(garbage(() -> arguments.pack(given)))
                    .as("bytes a launch")
                    .isLessThan(1);
            MemorySegment pointers =
                    MemorySegment.ofAddress(arguments.pack(given)).reinterpret(32);
            MemorySegment third = MemorySegment.ofAddress(pointers.getAtIndex(ValueLayout.JAVA_LONG, 2))
                    .reinterpret(4);
            assertThat(third.get(ValueLayout.JAVA_FLOAT, 0)).isEqualTo(0.5f);
        }
    }

    // The first calls link, and compilation takes as long as it takes.
    private static double garbage(Runnable work) {
        double least = Double.MAX_VALUE;
        long end = System.nanoTime() + PATIENCE_NANOS;
        do {
            long before = BEAN.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < CALLS; i++) work.run();
            least = Math.min(least, (double) (BEAN.getCurrentThreadAllocatedBytes() - before) / CALLS);
        } while (least >= 1 && System.nanoTime() < end);
        return least;
    }
}
