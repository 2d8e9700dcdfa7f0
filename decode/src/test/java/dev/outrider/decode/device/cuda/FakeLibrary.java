package dev.outrider.decode.device.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A C library written in Java: the public methods of a subclass, with int and long for all arguments, are its functions,
 * and {@link #symbols} gives their addresses. Calls are counted, can be made to fail, and an exception in one is kept
 * in {@link #complaints}, as is everything that a correct program would not have done.
 */
abstract class FakeLibrary {
    private static final Linker LINKER = Linker.nativeLinker();

    private final Arena arena = Arena.ofAuto();
    private final Map<String, MemorySegment> functions = new HashMap<>();
    private final Map<String, Integer> calls = new HashMap<>();
    private final Map<String, Integer> failAt = new HashMap<>(), failWith = new HashMap<>();
    private int total, failTotalAt = -1, failTotalWith;
    private String lastFailed = "";
    /** What happened that should not; tests look at it at the end. */
    final List<String> complaints = new ArrayList<>();

    private final String prefix;
    private final int onException;

    /**
     * @param prefix of the functions' names
     * @param onException status of a call that threw
     */
    FakeLibrary(String prefix, int onException) {
        this.prefix = prefix;
        this.onException = onException;
    }

    final SymbolLookup symbols() {
        return name -> java.util.Optional.ofNullable(functions.computeIfAbsent(name, this::stub));
    }

    /** As {@link #symbols} without one of them: another version of the library. */
    final SymbolLookup without(String symbol) {
        return name ->
                name.equals(symbol) ? java.util.Optional.empty() : symbols().find(name);
    }

    /** Makes the n-th call from now of a function, from 1, return a status. */
    final void fail(String function, int n, int status) {
        failAt.put(function, calls(function) + n);
        failWith.put(function, status);
    }

    /** Makes the n-th call of any function from now, from 1, return a status. */
    final void failAny(int n, int status) {
        failTotalAt = total + n;
        failTotalWith = status;
    }

    final int calls(String function) {
        return calls.getOrDefault(function, 0);
    }

    final int totalCalls() {
        return total;
    }

    /** Called when a call is made to fail in place of doing its work. */
    void madeToFail(String function) {}

    /** The function whose call was last made to fail. */
    final String lastFailed() {
        return lastFailed;
    }

    final int complain(int status, String about) {
        complaints.add(about);
        return status;
    }

    private MemorySegment stub(String name) {
        for (Method method : getClass().getMethods()) {
            if (method.getName().equals(name) && name.startsWith(prefix)) return stub(method);
        }
        return null;
    }

    private MemorySegment stub(Method method) {
        MethodType type = MethodType.methodType(method.getReturnType(), method.getParameterTypes());
        MemoryLayout[] arguments =
                type.parameterList().stream().map(FakeLibrary::layout).toArray(MemoryLayout[]::new);
        try {
            MethodHandle call = MethodHandles.lookup()
                    .findVirtual(
                            FakeLibrary.class,
                            "call",
                            MethodType.methodType(Object.class, Method.class, Object[].class));
            MethodHandle bound = MethodHandles.insertArguments(call, 0, this, method)
                    .asCollector(Object[].class, arguments.length)
                    .asType(type);
            return LINKER.upcallStub(bound, FunctionDescriptor.of(layout(type.returnType()), arguments), arena);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }

    private static MemoryLayout layout(Class<?> type) {
        return type == int.class ? ValueLayout.JAVA_INT : ValueLayout.JAVA_LONG;
    }

    // An exception that left an upcall would end the JVM.
    private synchronized Object call(Method method, Object[] arguments) {
        String name = method.getName();
        int count = calls.merge(name, 1, Integer::sum);
        // What errors are called is asked for when one has happened, and does not itself count.
        boolean status = method.getReturnType() == int.class && !name.startsWith("cuGetError");
        if (status) total++;
        if (status && (total == failTotalAt || failAt.getOrDefault(name, 0) == count)) {
            lastFailed = name;
            madeToFail(name);
            return total == failTotalAt ? failTotalWith : failWith.get(name);
        }
        try {
            return method.invoke(this, arguments);
        } catch (InvocationTargetException e) {
            return refuse(name, e.getCause(), status);
        } catch (ReflectiveOperationException | RuntimeException e) {
            return refuse(name, e, status);
        }
    }

    private Object refuse(String name, Throwable thrown, boolean status) {
        complain(0, name + ": " + thrown);
        if (status) return onException;
        return 0L;
    }

    // ---- memory of the caller -------------------------------------------------------------------

    static MemorySegment memory(long address, long bytes) {
        return MemorySegment.ofAddress(address).reinterpret(bytes);
    }

    static void putInt(long address, int value) {
        memory(address, 4).set(ValueLayout.JAVA_INT_UNALIGNED, 0, value);
    }

    static void putLong(long address, long value) {
        memory(address, 8).set(ValueLayout.JAVA_LONG_UNALIGNED, 0, value);
    }

    static int intAt(long address) {
        return memory(address, 4).get(ValueLayout.JAVA_INT_UNALIGNED, 0);
    }

    static long longAt(long address) {
        return memory(address, 8).get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
    }

    /** A C string that stays. */
    final long text(String text) {
        return arena.allocateFrom(text).address();
    }
}
