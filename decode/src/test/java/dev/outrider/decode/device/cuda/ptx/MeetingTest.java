package dev.outrider.decode.device.cuda.ptx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Seeds;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What threads do together: barriers, shuffles, votes, matrices; and who waits in vain. */
class MeetingTest {
    private static void fails(String body, int threads, String... words) {
        try (Kernel kernel = new Kernel(body, 1024)) {
            kernel.machine.limit(1_000_000);
            assertThatThrownBy(() -> kernel.run(1, threads, 0))
                    .isInstanceOf(PtxFault.class)
                    .satisfies(e -> assertThat(e.getMessage()).contains(words));
        }
    }

    @Test
    void barriersThatSomeDoNotReach() {
        fails(
                "setp.eq.u32 %q0, %t, 5; @%q0 ret; bar.sync 0;",
                64,
                "deadlock: 63 threads [0, 1, 2, 3, 4, 6, .., 63] wait at PTX line",
                "`bar.sync 0`",
                "1 have returned");
        fails(
                "setp.lt.u32 %q0, %t, 32; @%q0 bar.sync 0; @!%q0 bar.sync 1;",
                64, "deadlock: 32 threads", "`@%q0 bar.sync 0`", "; 32 threads [32, ", "`@!%q0 bar.sync 1`");
        fails("setp.lt.u32 %q0, %t, 16; @%q0 bar.sync 0; @!%q0 bar.sync 0;", 32, "threads of one warp at two barriers");
        fails("bar.sync 16;", 32, "no barrier 16");
        fails("bar.sync 1, 33;", 64, "no multiple of 32");
        fails("setp.lt.u32 %q0, %t, 32; @%q0 bar.sync 1, 64; @!%q0 bar.sync 1, 96;", 96, "barrier 1 of");
        fails("HERE: ld.volatile.global.b32 %r0, [%m]; setp.eq.u32 %q0, %r0, 0; @%q0 bra HERE;", 32, "without an end");
    }

    /** Every thread reads what its neighbour wrote before the barrier, a thousand times, whatever the order. */
    @Test
    void barriersOrder() {
        String body = """
                { .shared .align 4 .b8 s[384];
                .reg .b64 %w, %v;
                mov.u64 %z0, s;
                mul.wide.u32 %w, %t, 4;
                add.u64 %w, %w, %z0;
                add.u32 %r1, %t, 1;
                rem.u32 %r1, %r1, 96;
                mul.wide.u32 %v, %r1, 4;
                add.u64 %v, %v, %z0;
                mov.u32 %r0, %t;
                mov.u32 %r3, 0;
                ROUND:
                st.shared.b32 [%w], %r0;
                barrier.sync 0;
                ld.shared.b32 %r0, [%v];
                bar.sync 3;
                add.u32 %r3, %r3, 1;
                setp.lt.u32 %q0, %r3, 50;
                @%q0 bra ROUND;
                st.global.b32 [%p], %r0; }
                """;
        for (long seed = 0; seed < 5; seed++) {
            try (Kernel kernel = new Kernel(body, 384)) {
                kernel.machine.seed(seed).races(true);
                assertThat(kernel.ints(1, 96))
                        .isEqualTo(
                                IntStream.range(0, 96).map(i -> (i + 50) % 96).toArray());
            }
        }
    }

    @Test
    void barriersOfAPartAndArrivals() {
        String body = """
                setp.lt.u32 %q0, %t, 32;
                @%q0 bra LOW;
                setp.lt.u32 %q1, %t, 64;
                @%q1 bra MIDDLE;
                bra DONE;
                LOW:
                st.global.b32 [%p], 7;
                bar.arrive 2, 64;
                bra DONE;
                MIDDLE:
                bar.sync 2, 64;
                ld.global.b32 %r0, [%p+-128];
                st.global.b32 [%p], %r0;
                DONE:
                bar.sync 0;
                """;
        for (long seed = 0; seed < 10; seed++) {
            try (Kernel kernel = new Kernel(body, 512)) {
                kernel.machine.seed(seed).races(true);
                assertThat(Arrays.stream(kernel.ints(1, 96)).limit(64)).containsOnly(7);
            }
        }
    }

    /** barrier.sync without .aligned: threads of a warp may come to it in several places. */
    @Test
    void barriersThatAreNotAligned() {
        String body = "setp.lt.u32 %q0, %t, 16; @%q0 barrier.sync 0; @!%q0 barrier.sync 0; st.global.b32 [%p], 3;";
        try (Kernel kernel = new Kernel(body, 256)) {
            assertThat(kernel.ints(1, 64)).containsOnly(3);
        }
        fails(body.replace("sync 0", "sync.aligned 0"), 64, "threads of one warp at two barriers");
    }

    @Test
    void barriersReduce() {
        String body = """
                rem.u32 %r0, %t, 3;
                setp.eq.u32 %q0, %r0, 0;
                bar.red.popc.u32 %r1, 0, %q0;
                bar.red.and.pred %q1, 0, %q0;
                bar.red.or.pred %q2, 0, !%q0;
                setp.lt.u32 %q3, %t, 1000;
                bar.red.and.pred %q4, 0, %q3;
                selp.b32 %r2, 100, 0, %q1;
                selp.b32 %r3, 1000, 0, %q2;
                selp.b32 %r4, 10000, 0, %q4;
                add.u32 %r1, %r1, %r2; add.u32 %r1, %r1, %r3; add.u32 %r1, %r1, %r4;
                st.global.b32 [%p], %r1;
                """;
        try (Kernel kernel = new Kernel(body, 4 * 70)) {
            assertThat(kernel.ints(1, 70)).containsOnly(11024);
        }
    }

    @Test
    void shufflesOfAllModes() {
        for (String mode : new String[] {"up", "down", "bfly", "idx"}) {
            for (int width : new int[] {32, 16, 8, 4}) {
                for (int b : new int[] {0, 1, 3, 5, 17, 31}) {
                    int clamp = 32 - width << 8 | (mode.equals("up") ? 0 : 31);
                    String body =
                            "mul.lo.u32 %%r0, %%t, 3; shfl.sync.%s.b32 %%r1|%%q0, %%r0, %d, %d, -1; selp.b32 %%r2, 1000, 0, %%q0; add.u32 %%r1, %%r1, %%r2; st.global.b32 [%%p], %%r1;"
                                    .formatted(mode, b, clamp);
                    int[] want = new int[64];
                    for (int i = 0; i < 64; i++) {
                        int lane = i & 31,
                                base = lane / width * width,
                                from =
                                        switch (mode) {
                                            case "up" -> lane - b;
                                            case "down" -> lane + b;
                                            case "bfly" -> lane ^ b;
                                            default -> base + b % width;
                                        };
                        // bfly may read from the segments before: only the upper limit counts.
                        boolean within =
                                mode.equals("bfly") ? from < base + width : from >= base && from < base + width;
                        want[i] = within ? 3 * (i - lane + from) + 1000 : 3 * i;
                    }
                    try (Kernel kernel = new Kernel(body, 256)) {
                        assertThat(kernel.ints(1, 64))
                                .as("%s by %d of %d", mode, b, width)
                                .isEqualTo(want);
                    }
                }
            }
        }
    }

    @Test
    void masksThatDoNotMeet() {
        fails(
                "setp.lt.u32 %q0, %t, 16; @%q0 shfl.sync.idx.b32 %r0, %r1, 0, 31, -1;\n bar.sync 0;",
                32, "deadlock: ", "16 threads [0, 1", "(mask 0xffffffff)", "16 threads [16, ");
        fails(
                "setp.lt.u32 %q0, %t, 16; @%q0 shfl.sync.idx.b32 %r0, %t, 20, 31, 0xffff;",
                32, "lane 0 reads lane 20, which does not take part");
        fails("shfl.sync.down.b32 %r0, %t, 8, 31, -1;", 48, "lane 8 reads lane 16, which does not take part");
        fails("vote.sync.any.pred %q0, %q1, 0xfffffffe;", 32, "thread is not in its own mask 0xfffffffe");
        fails(
                "setp.lt.u32 %q0, %t, 16; selp.b32 %r0, 0xffff, -1, %q0; vote.sync.ballot.b32 %r1, %q1, %r0; bar.sync 0;",
                32, "deadlock: ", "16 threads [16, ", "(mask 0xffffffff)");
        fails("setp.lt.u32 %q0, %t, 16; @%q0 bar.warp.sync -1; @!%q0 bar.warp.sync -1;", 32, "deadlock");
        fails("shfl.idx.b32 %r0, %t, 20, 31;", 32, "without .sync");
    }

    @Test
    void endedThreadsAreNotWaitedFor() {
        String body =
                "setp.ge.u32 %q0, %t, 10; @%q0 ret; setp.ne.u32 %q1, %t, 3; vote.sync.ballot.b32 %r0, %q1, -1; st.global.b32 [%p], %r0;";
        try (Kernel kernel = new Kernel(body, 40)) {
            assertThat(kernel.ints(1, 32)).containsOnly(0x3f7);
        }
    }

    @Test
    void votesMatchesReductionsAndElections() {
        String body = """
                and.b32 %r0, %t, 3;
                setp.eq.u32 %q0, %r0, 1;
                vote.sync.ballot.b32 %r1, %q0, -1;
                vote.sync.any.pred %q1, %q0, -1;
                vote.sync.all.pred %q2, %q0, -1;
                setp.lt.u32 %q3, %t, 99;
                vote.sync.uni.pred %q4, %q3, -1;
                match.any.sync.b32 %r2, %r0, -1;
                match.all.sync.b32 %r3|%q5, %r0, -1;
                redux.sync.add.u32 %r4, %t, -1;
                redux.sync.max.s32 %r5, %t, -1;
                sub.s32 %r6, %t, 5;
                redux.sync.min.s32 %r6, %r6, -1;
                redux.sync.xor.b32 %r7, %t, -1;
                elect.sync %r8|%q6, 0xffffffff;
                selp.b32 %r9, 1, 0, %q1; selp.b32 %r10, 2, 0, %q2; selp.b32 %r11, 4, 0, %q4; selp.b32 %r12, 8, 0, %q5; selp.b32 %r13, 16, 0, %q6;
                add.u32 %r9, %r9, %r10; add.u32 %r9, %r9, %r11; add.u32 %r9, %r9, %r12; add.u32 %r9, %r9, %r13;
                mul.wide.u32 %z0, %t, 32;
                add.u64 %z0, %z0, %m;
                st.global.v4.b32 [%z0], {%r1, %r2, %r3, %r4};
                st.global.v4.b32 [%z0+16], {%r5, %r6, %r7, %r9};
                """;
        try (Kernel kernel = new Kernel(body, 1024)) {
            int[] found = kernel.ints(1, 32);
            for (int i = 0; i < 32; i++) {
                int[] row = Arrays.copyOfRange(found, 8 * i, 8 * i + 8);
                assertThat(row)
                        .containsExactly(
                                0x22222222, 0x11111111 << (i & 3), 0, 496, 31, -5, 0, 1 + 4 + (i == 0 ? 16 : 0));
            }
        }
    }

    /** Threads of a warp do not run in lockstep: without a meeting the last writer is anybody. */
    @Test
    void seedsShuffleTheOrder() {
        Set<Integer> last = new HashSet<>();
        for (long seed = 0; seed < 20; seed++) {
            try (Kernel kernel = new Kernel("st.global.b32 [%m], %t;", 4)) {
                kernel.machine.seed(seed);
                int first = kernel.ints(1, 32)[0];
                assertThat(kernel.ints(1, 32)[0])
                        .as("the same seed, the same order")
                        .isEqualTo(first);
                last.add(first);
            }
        }
        assertThat(last).hasSizeGreaterThan(8);
    }

    /** A lock within a warp: threads are not starved by one that spins. */
    @Test
    void spinning() {
        String body = """
                LOCK:
                atom.global.cas.b32 %r0, [%m], 0, 1;
                setp.ne.u32 %q0, %r0, 0;
                @%q0 bra LOCK;
                membar.gl;
                ld.global.b32 %r1, [%m+4];
                add.u32 %r1, %r1, 1;
                st.global.b32 [%m+4], %r1;
                membar.gl;
                atom.global.exch.b32 %r0, [%m], 0;
                """;
        for (String fence : new String[] {"membar.gl;", "fence.acq_rel.gpu;"}) {
            try (Kernel kernel = new Kernel(body.replace("membar.gl;", fence), 8)) {
                kernel.machine.races(true);
                assertThat(kernel.ints(3, 64)).containsExactly(0, 192);
            }
        }
        try (Kernel kernel = new Kernel(body.replace("membar.gl;", ""), 8)) {
            kernel.machine.races(true);
            assertThatThrownBy(() -> kernel.run(3, 64, 0)).hasMessageContaining("race in global memory");
        }
    }

    @Test
    void blocksOnSeveralThreads() {
        String body =
                "mad.lo.u32 %r0, %b, 64, %t; mul.wide.u32 %z0, %r0, 4; add.u64 %z0, %z0, %m; mul.lo.u32 %r1, %r0, %r0; st.global.b32 [%z0], %r1; red.global.add.u32 [%m+25600], 1;";
        try (Kernel kernel = new Kernel(body, 25604)) {
            kernel.machine.threads(3);
            PtxStatistics s = kernel.run(100, 64, 0);
            int[] found = kernel.memory.toArray(ValueLayout.JAVA_INT);
            assertThat(Arrays.copyOf(found, 6400))
                    .isEqualTo(IntStream.range(0, 6400).map(i -> i * i).toArray());
            assertThat(found[6400]).isEqualTo(6400);
            assertThat(s.globalWritten()).isEqualTo(6400 * 8);
            assertThatThrownBy(() -> kernel.run(101, 64, 0))
                    .isInstanceOf(PtxFault.class)
                    .hasMessageContaining("block (100, 0, 0)");
        }
    }

    /** One 8 x 8 matrix, straight and turned; a row that is not there. */
    @Test
    void matricesOfSharedMemory() {
        String body = """
                { .shared .align 16 .b8 s[128];
                .reg .b64 %w;
                mul.lo.u32 %r0, %t, 0x20002;
                add.u32 %r0, %r0, 0x10000;
                mul.wide.u32 %w, %t, 4;
                mov.u64 %z0, s;
                add.u64 %w, %w, %z0;
                st.shared.b32 [%w], %r0;
                bar.warp.sync -1;
                and.b32 %r1, %t, 7;
                mul.wide.u32 %w, %r1, 16;
                add.u64 %w, %w, %z0;
                ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r2}, [%w];
                ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%r3}, [%w];
                mul.wide.u32 %z1, %t, 8;
                add.u64 %z1, %z1, %m;
                st.global.v2.b32 [%z1], {%r2, %r3}; }
                """;
        try (Kernel kernel = new Kernel(body, 256)) {
            kernel.machine.races(true);
            int[] found = kernel.ints(1, 32);
            for (int t = 0; t < 32; t++) {
                int row = t / 4, column = t % 4 * 2;
                assertThat(found[2 * t]).isEqualTo(row * 8 + column | row * 8 + column + 1 << 16);
                assertThat(found[2 * t + 1]).isEqualTo(column * 8 + row | (column + 1) * 8 + row << 16);
            }
        }
        fails(body.replace("s[128]", "s[124]"), 32, "outside of shared memory");
        fails(body.replace("bar.warp.sync -1;", "setp.eq.u32 %q0, %t, 3; @%q0 ret;"), 32, "does not take part");
    }

    /** m16n8k8 of tf32 and f16: A by rows, B by columns, the fragments as the ISA's figures have them. */
    @Test
    void productsOfMatrices() {
        float[] a = Seeds.normal(Seeds.generator(1), 128, 1),
                b = Seeds.normal(Seeds.generator(2), 64, 1),
                c = Seeds.normal(Seeds.generator(3), 128, 1);
        for (boolean half : new boolean[] {false, true}) {
            for (float[] m : new float[][] {a, b}) {
                for (int i = 0; i < m.length; i++)
                    m[i] = half
                            ? Float.float16ToFloat(Float.floatToFloat16(m[i]))
                            : Float.intBitsToFloat(Float.floatToRawIntBits(m[i]) & 0xffffe000);
            }
            String registers = half ? "{%r0, %r1}, {%r2}" : "{%r0, %r1, %r2, %r3}, {%r4, %r5}",
                    type = half ? "f16" : "tf32";
            String body = """
                    mul.wide.u32 %%z0, %%t, 48;
                    add.u64 %%z0, %%z0, %%m;
                    ld.global.v4.b32 {%%r0, %%r1, %%r2, %%r3}, [%%z0];
                    ld.global.v2.b32 {%%r4, %%r5}, [%%z0+16];
                    ld.global.v4.f32 {%%f0, %%f1, %%f2, %%f3}, [%%z0+32];
                    mma.sync.aligned.m16n8k8.row.col.f32.%s.%s.f32 {%%f4, %%f5, %%f6, %%f7}, %s, {%%f0, %%f1, %%f2, %%f3};
                    st.global.v4.f32 [%%z0+32], {%%f4, %%f5, %%f6, %%f7};
                    """.formatted(type, type, registers);
            try (Kernel kernel = new Kernel(body, 48 * 32)) {
                for (int t = 0; t < 32; t++) {
                    int group = t / 4, k = t % 4, at = 12 * t;
                    int[] words = half
                            ? new int[] {
                                pair(a, group * 8 + 2 * k, 1),
                                pair(a, (group + 8) * 8 + 2 * k, 1),
                                pair(b, 2 * k * 8 + group, 8),
                                0,
                                0,
                                0
                            }
                            : new int[] {
                                bits(a[group * 8 + k]),
                                bits(a[(group + 8) * 8 + k]),
                                bits(a[group * 8 + k + 4]),
                                bits(a[(group + 8) * 8 + k + 4]),
                                bits(b[k * 8 + group]),
                                bits(b[(k + 4) * 8 + group])
                            };
                    for (int i = 0; i < 6; i++) kernel.memory.setAtIndex(ValueLayout.JAVA_INT, at + i, words[i]);
                    for (int i = 0; i < 4; i++)
                        kernel.memory.setAtIndex(
                                ValueLayout.JAVA_FLOAT, at + 8 + i, c[(group + i / 2 * 8) * 8 + 2 * k + i % 2]);
                }
                kernel.run(1, 32, 0);
                for (int t = 0; t < 32; t++) {
                    for (int i = 0; i < 4; i++) {
                        int row = t / 4 + i / 2 * 8, column = 2 * (t % 4) + i % 2;
                        double want = c[row * 8 + column];
                        for (int k = 0; k < 8; k++) want += (double) a[row * 8 + k] * b[k * 8 + column];
                        assertThat(kernel.memory.getAtIndex(ValueLayout.JAVA_FLOAT, 12 * t + 8 + i))
                                .as("%s %d, %d", type, row, column)
                                .isEqualTo((float) want);
                    }
                }
            }
        }
    }

    private static int bits(float x) {
        return Float.floatToRawIntBits(x);
    }

    private static int pair(float[] values, int at, int step) {
        return Float.floatToFloat16(values[at]) & 0xffff | Float.floatToFloat16(values[at + step]) << 16;
    }
}
