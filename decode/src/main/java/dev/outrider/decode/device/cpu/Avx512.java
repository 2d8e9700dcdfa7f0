package dev.outrider.decode.device.cpu;

import dev.outrider.decode.device.cpu.x86.Assembler;
import dev.outrider.decode.device.cpu.x86.Routine;
import java.util.Set;

/** Which machine code this machine runs, if the JVM was not told to do with narrower vectors; looked at once. */
final class Avx512 {
    private static final int LANES = 16;
    private static final Set<String> WIDE = Set.of("avx512f", "avx512bw", "avx512dq", "avx512vl");

    /** Vectors of 512 bits, in a process that may execute what it wrote. */
    static final boolean POSSIBLE;

    /** Products of pairs of BF16, and of fours of bytes, as well. */
    static final boolean BF16, BYTES;

    static {
        Set<String> flags = CoreType.flags();
        Assembler nothing = new Assembler();
        nothing.end();
        POSSIBLE = Lanes.LANES == LANES
                && flags.containsAll(WIDE)
                && Routine.possible()
                && Routine.of(nothing.bytes()).isPresent();
        BF16 = POSSIBLE && flags.contains("avx512_bf16");
        BYTES = POSSIBLE && flags.contains("avx512_vnni");
    }

    private Avx512() {}
}
