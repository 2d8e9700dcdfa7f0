package dev.outrider.decode.device.cuda;

import dev.outrider.checkpoints.Failure;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/**
 * A C library whose functions return a status, 0 for success. All of them take integers, sizes, handles
 * and addresses; here each is given as a long, so that a call makes no objects.
 */
final class NativeLibrary {
    /** What a status other than 0 means to the user. */
    @FunctionalInterface
    interface Explanation {
        Failure of(String call, int status);
    }

    private final String name;
    private final SymbolLookup symbols;
    private final String remedy;
    final Explanation explanation;

    /** @param remedy what to do when a function is not in the library */
    NativeLibrary(String name, SymbolLookup symbols, String remedy, Explanation explanation) {
        this.name = name;
        this.symbols = symbols;
        this.remedy = remedy;
        this.explanation = explanation;
    }

    /**
     * A function that returns a status.
     *
     * @param types a letter an argument: p for 64 bits (pointers, handles, sizes), i for an int
     */
    NativeCall call(String symbol, String types) {
        MethodType longs = MethodType.methodType(int.class, java.util.Collections.nCopies(types.length(), long.class));
        MethodHandle handle = handle(symbol, ValueLayout.JAVA_INT, types);
        return new NativeCall(symbol, MethodHandles.explicitCastArguments(handle, longs), explanation);
    }

    /** A function that returns 64 bits: a size or a pointer. */
    MethodHandle handle(String symbol, MemoryLayout result, String types) {
        MemoryLayout[] layouts = types.chars()
                .mapToObj(c -> c == 'i' ? (MemoryLayout) ValueLayout.JAVA_INT : ValueLayout.JAVA_LONG)
                .toArray(MemoryLayout[]::new);
        MemorySegment address = symbols.find(symbol).orElseThrow(() -> absent(symbol));
        return Linker.nativeLinker().downcallHandle(address, FunctionDescriptor.of(result, layouts));
    }

    private Failure absent(String symbol) {
        return new Failure(Failure.Kind.MACHINE, name, "no function " + symbol, "a version that has it", remedy, null);
    }

    /** The C string at an address, or "" for 0. */
    static String text(long address) {
        if (address == 0) return "";
        return MemorySegment.ofAddress(address).reinterpret(Long.MAX_VALUE).getString(0);
    }

    /** What a function from a status to its text says. */
    static String text(MethodHandle words, int status) {
        try {
            return text((long) words.invokeExact(status));
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }
}
