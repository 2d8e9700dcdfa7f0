package dev.outrider.decode.device.cuda.ptx;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A kernel of hand-written PTX: %t is the thread, %b the block, %p its address of 4 bytes in the memory at %m, registers as below. */
final class Kernel implements AutoCloseable {
    private static final String HEAD = """
            .version 8.8
            .target sm_90
            .address_size 64
            %s
            .visible .entry test(.param .u64 memory)
            {
            .reg .b64 %%m, %%p, %%z<8>;
            .reg .b32 %%t, %%b, %%r<16>;
            .reg .f32 %%f<8>;
            .reg .pred %%q<8>;
            ld.param.u64 %%m, [memory];
            mov.u32 %%t, %%tid.x;
            mov.u32 %%b, %%ctaid.x;
            mul.wide.u32 %%p, %%t, 4;
            add.u64 %%p, %%p, %%m;
            """;

    final PtxMachine machine;
    final MemorySegment memory;
    private final Arena arena = Arena.ofShared();

    /** @param bytes of zeros at %m */
    Kernel(String before, String body, int bytes) {
        machine = PtxMachine.of(HEAD.formatted(before) + body + "\nret;\n}\n");
        memory = arena.allocate(bytes, 256);
        machine.memory(memory.address(), bytes);
    }

    Kernel(String body, int bytes) {
        this("", body, bytes);
    }

    PtxStatistics run(int blocks, int threads, int shared) {
        return machine.launch("test", blocks, threads, shared, memory.address());
    }

    int[] ints(int blocks, int threads) {
        run(blocks, threads, 0);
        return memory.toArray(ValueLayout.JAVA_INT);
    }

    @Override
    public void close() {
        arena.close();
    }
}
