package dev.outrider.decode.device.cuda.ptx;

import dev.outrider.decode.device.cuda.ptx.Module.Function;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/**
 * Runs kernels of PTX text on the CPU, thread by thread, so that they can be tested without a GPU. Strict where a card is
 * lenient: every access is held against the memory that was registered, and what a card leaves undefined is a {@link PtxFault}.
 * f32 and f64 arithmetic is IEEE's to the bit; the approximations (ex2, rsqrt, .. .approx) are computed in double and rounded,
 * nearer to the truth than a card's. Threads run in an order that the seed shuffles, never in lockstep. cp.async copies when it
 * is waited for. Not a model of time, nor of weak memory order.
 */
public final class PtxMachine {
    /** Bytes between shared variables that belong to none, so that running over an end is seen. */
    private static final int GAP = 64;

    /** How launches run. */
    static final class Settings {
        boolean poison = true, races, profile;
        long seed = 1, limit = 5_000_000_000L;
        int threads = 1;
    }

    /** A kernel's parameter: where it lies among them. */
    public record Parameter(String name, int offset, int bytes, int align) {}

    private final Module module;
    private final PtxMemory memory;
    private final Settings settings = new Settings();
    private final Arena arena = Arena.ofAuto();
    private final Map<String, Variable> variables = new HashMap<>();
    private final Map<String, Code> codes = new HashMap<>();
    private final Map<String, Supplier<Code>> callees = new HashMap<>();
    private int dynamicAt;

    private PtxMachine(Module module, PtxMemory memory) {
        this.module = module;
        this.memory = memory;
        place();
        module.functions.values().forEach(f -> callees.put(f.name, () -> code(f)));
    }

    public static PtxMachine of(String ptx) {
        return of(ptx, new PtxMemory());
    }

    /** A machine whose kernels may touch what is registered there, and the module's own variables. */
    public static PtxMachine of(String ptx, PtxMemory memory) {
        return new PtxMachine(Parser.parse(ptx), memory);
    }

    /** Lets kernels touch this memory. */
    public PtxMachine memory(long address, long bytes) {
        memory.add(address, bytes);
        return this;
    }

    public PtxMemory memory() {
        return memory;
    }

    /** Whether reading shared memory that was never written is an error. On at first. */
    public PtxMachine poison(boolean on) {
        settings.poison = on;
        return this;
    }

    /** Whether races in shared and global memory are errors. Off at first: it costs time, and one thread of the CPU runs all blocks. */
    public PtxMachine races(boolean on) {
        settings.races = on;
        return this;
    }

    /** Whether statistics are by instruction too. Slow. */
    public PtxMachine profile(boolean on) {
        settings.profile = on;
        codes.clear();
        return this;
    }

    /** Of the order in which threads run. */
    public PtxMachine seed(long seed) {
        settings.seed = seed;
        return this;
    }

    /** How many threads of the CPU run blocks. */
    public PtxMachine threads(int threads) {
        settings.threads = threads;
        return this;
    }

    /** The instructions after which a block counts as hung. */
    public PtxMachine limit(long instructions) {
        settings.limit = instructions;
        return this;
    }

    /** Takes the module's variables out of the memory; no launch after it. */
    public void unload() {
        for (Variable v : module.variables) {
            if (v.space == Variable.Space.GLOBAL || v.space == Variable.Space.CONST) memory.remove(v.at);
        }
    }

    /** The number of {@code .target sm_90}. */
    public int target() {
        return module.target;
    }

    public List<String> kernels() {
        return module.functions.values().stream()
                .filter(f -> f.kernel)
                .map(f -> f.name)
                .toList();
    }

    public List<Parameter> parameters(String kernel) {
        return kernel(kernel).parameters.stream()
                .map(v -> new Parameter(v.name, (int) v.at, (int) v.bytes, v.align))
                .toList();
    }

    public int parameterBytes(String kernel) {
        return kernel(kernel).parameterBytes();
    }

    /** The bytes of shared memory that the kernel declares. */
    public int staticShared(String kernel) {
        return shared(code(kernel(kernel))).stream()
                .filter(v -> v.bytes > 0)
                .mapToInt(v -> (int) v.bytes)
                .sum();
    }

    /** The address of a variable of the module. */
    public long global(String name) {
        return variable(name).at;
    }

    public long globalBytes(String name) {
        return variable(name).bytes;
    }

    private Variable variable(String name) {
        Variable v = variables.get(name);
        if (v == null || v.space != Variable.Space.GLOBAL && v.space != Variable.Space.CONST)
            throw new PtxFault("no variable " + name);
        return v;
    }

    private Function kernel(String name) {
        Function function = module.functions.get(name);
        if (function == null || !function.kernel) throw new PtxFault("no kernel " + name + " among " + kernels());
        return function;
    }

    private synchronized Code code(Function f) {
        Code known = codes.get(f.name);
        if (known != null) return known;
        Code code = new Coder(module, f, callees, variables, settings.profile).code();
        codes.put(f.name, code);
        return code;
    }

    /** Gives every variable its place, and fills those that have initialisers. */
    private void place() {
        int at = 0;
        for (Variable v : module.variables) {
            variables.put(v.name, v);
            if (v.space == Variable.Space.SHARED) {
                if (v.bytes < 0) continue;
                v.at = at = Parser.up(at, v.align);
                at = Math.toIntExact(at + v.bytes + GAP);
            } else if (v.space == Variable.Space.GLOBAL || v.space == Variable.Space.CONST) {
                MemorySegment space = arena.allocate(Math.max(v.bytes, 1), Math.max(v.align, 16));
                v.at = space.address();
                memory.add(v.at, space.byteSize(), v.space == Variable.Space.CONST, false, arena);
            }
        }
        dynamicAt = Parser.up(at, 1024);
        for (Variable v : module.variables) {
            if (v.space == Variable.Space.SHARED && v.bytes < 0) v.at = dynamicAt;
            for (int i = 0; i < v.initial.size(); i++) {
                Variable.Initial initial = v.initial.get(i);
                long value = initial.number();
                if (initial.symbol() != null) value += variable(initial.symbol()).at;
                MemoryOps.set(v.type, v.at + (long) i * v.type.bytes, value);
            }
        }
    }

    /** The shared variables of a function and of all that it calls. */
    private static Set<Variable> shared(Code code) {
        Set<Variable> out = new LinkedHashSet<>();
        Set<Code> seen = new LinkedHashSet<>(List.of(code));
        List<Code> open = new ArrayList<>(seen);
        while (!open.isEmpty()) {
            Code next = open.removeLast();
            out.addAll(next.shared);
            for (Code.Call call : next.calls) if (seen.add(call.code())) open.add(call.code());
        }
        return out;
    }

    /** The most shared memory of a block on cards of this target (CUDA C++ Programming Guide, compute capabilities). */
    private int mostShared() {
        return switch (module.target) {
                    case 70, 72 -> 96;
                    case 75 -> 64;
                    case 80, 87 -> 163;
                    case 86, 89, 120, 121 -> 99;
                    default -> module.target < 70 ? 48 : 227;
                }
                << 10;
    }

    /**
     * Runs a kernel to its end.
     *
     * @param grid blocks: x, y, z
     * @param block threads of a block: x, y, z
     * @param sharedBytes of dynamic shared memory
     * @param parameters as PTX lays them out, see {@link #parameters}
     */
    public PtxStatistics launch(String kernel, int[] grid, int[] block, int sharedBytes, byte[] parameters) {
        return launch(kernel, grid, block, sharedBytes, MemorySegment.ofArray(parameters));
    }

    public PtxStatistics launch(String name, int[] grid, int[] block, int sharedBytes, MemorySegment parameters) {
        Function function = kernel(name);
        check(function, grid, block, parameters.byteSize());
        Code code = code(function);
        Set<Variable> shared = shared(code);
        int fixed = shared.stream().mapToInt(v -> (int) Math.max(v.bytes, 0)).sum();
        if (fixed > 48 << 10 || fixed + sharedBytes > mostShared()) {
            throw new PtxFault(
                    "%s: %,d + %,d bytes of shared memory; a block of sm_%d has %,d, at most 49,152 of them static"
                            .formatted(name, fixed, sharedBytes, module.target, mostShared()));
        }
        byte[] map = new byte[sharedBytes > 0 ? dynamicAt + sharedBytes : dynamicAt];
        List<String> names = new ArrayList<>();
        for (Variable v : shared) {
            if (v.bytes < 0) continue;
            java.util.Arrays.fill(map, (int) v.at, (int) (v.at + v.bytes), Launch.UNWRITTEN);
            names.add(v.name + " at " + v.at + ", " + v.bytes + " bytes");
        }
        if (sharedBytes > 0) {
            java.util.Arrays.fill(map, dynamicAt, map.length, Launch.UNWRITTEN);
            names.add("dynamic at " + dynamicAt + ", " + sharedBytes + " bytes");
        }
        try (Arena call = Arena.ofShared()) {
            MemorySegment copy = call.allocate(Math.max(parameters.byteSize(), 1), 16);
            MemorySegment.copy(parameters, 0, copy, 0, parameters.byteSize());
            Launch launch = new Launch(
                    code,
                    grid.clone(),
                    block.clone(),
                    sharedBytes,
                    copy.address(),
                    (int) parameters.byteSize(),
                    map,
                    names.toString(),
                    memory,
                    settings);
            return run(launch);
        }
    }

    private static void check(Function f, int[] grid, int[] block, long bytes) {
        long threads = (long) block[0] * block[1] * block[2], blocks = (long) grid[0] * grid[1] * grid[2];
        boolean fits = block[0] > 0 && block[1] > 0 && block[2] > 0 && block[2] <= 64 && threads <= 1024;
        if (!fits) throw new PtxFault(f.name + ": no block: " + java.util.Arrays.toString(block));
        if (grid[0] <= 0
                || grid[1] <= 0
                || grid[2] <= 0
                || grid[1] > 65535
                || grid[2] > 65535
                || blocks > Integer.MAX_VALUE) {
            throw new PtxFault(f.name + ": no grid: " + java.util.Arrays.toString(grid));
        }
        if (f.threads > 0 && (f.exactly ? threads != f.threads : threads > f.threads)) {
            throw new PtxFault(f.name + ": " + threads + " threads a block; it was compiled for " + f.threads);
        }
        if (bytes != f.parameterBytes())
            throw new PtxFault(f.name + ": " + bytes + " bytes of parameters, not " + f.parameterBytes());
    }

    private static PtxStatistics run(Launch launch) {
        AtomicInteger next = new AtomicInteger();
        int threads = launch.races ? 1 : Math.min(launch.settings.threads, launch.blocks());
        if (threads == 1) return blocks(launch, next).statistics(launch.blocks());
        Traffic sum = new Traffic(false);
        try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
            List<Future<Traffic>> parts = new ArrayList<>();
            for (int i = 0; i < threads; i++) parts.add(pool.submit(() -> blocks(launch, next)));
            for (Future<Traffic> part : parts) sum.add(part.get());
        } catch (ExecutionException e) {
            if (e.getCause() instanceof PtxFault fault) throw new PtxFault(fault.getMessage(), fault);
            throw new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new PtxFault("interrupted", e);
        }
        return sum.statistics(launch.blocks());
    }

    private static Traffic blocks(Launch launch, AtomicInteger next) {
        try (Arena arena = Arena.ofConfined()) {
            Cta cta = new Cta(launch, arena, new Races.Shadow());
            int blocks = launch.blocks();
            for (int i = next.getAndIncrement(); i < blocks; i = next.getAndIncrement()) {
                try {
                    cta.run(i);
                } catch (RuntimeException e) {
                    next.set(blocks); // the other threads stop too
                    throw e;
                }
            }
            return cta.traffic;
        }
    }

    /** Runs a kernel on a line of blocks; Long, Integer, Float and Double arguments are laid out as its parameters want them. */
    public PtxStatistics launch(String kernel, int blocks, int threads, int sharedBytes, Object... arguments) {
        List<Parameter> parameters = parameters(kernel);
        if (parameters.size() != arguments.length)
            throw new PtxFault(kernel + " has " + parameters.size() + " parameters, not " + arguments.length);
        byte[] bytes = new byte[parameterBytes(kernel)];
        MemorySegment into = MemorySegment.ofArray(bytes);
        for (int i = 0; i < arguments.length; i++) {
            Parameter p = parameters.get(i);
            int size = switch (arguments[i]) {
                case Long x -> {
                    into.set(MemoryOps.LONG, p.offset, x);
                    yield 8;
                }
                case Integer x -> {
                    into.set(MemoryOps.INT, p.offset, x);
                    yield 4;
                }
                case Float x -> {
                    into.set(ValueLayout.JAVA_FLOAT_UNALIGNED, p.offset, x);
                    yield 4;
                }
                case Double x -> {
                    into.set(ValueLayout.JAVA_DOUBLE_UNALIGNED, p.offset, x);
                    yield 8;
                }
                default -> throw new PtxFault("no argument: " + arguments[i]);
            };
            if (size != p.bytes)
                throw new PtxFault(kernel + ", parameter " + i + ": " + size + " bytes given, " + p.bytes + " wanted");
        }
        return launch(kernel, new int[] {blocks, 1, 1}, new int[] {threads, 1, 1}, sharedBytes, bytes);
    }
}
