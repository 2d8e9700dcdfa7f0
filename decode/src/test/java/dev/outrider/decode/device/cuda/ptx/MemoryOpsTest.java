package dev.outrider.decode.device.cuda.ptx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.ValueLayout;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Memory: what is read and written, and every way to go wrong with it. */
class MemoryOpsTest {
    private static void fails(String body, String... words) {
        fails("", body, 0, words);
    }

    private static void fails(String before, String body, int shared, String... words) {
        try (Kernel kernel = new Kernel(before, body, 256)) {
            assertThatThrownBy(() -> kernel.run(1, 32, shared))
                    .isInstanceOf(PtxFault.class)
                    .satisfies(e -> assertThat(e.getMessage()).contains(words));
        }
    }

    @Test
    void loadsExtendAndStoresCut() {
        String body = """
                @%q0 st.global.b32 [%m], 1;
                st.global.b32 [%m], 0x80ff7f81;
                ld.global.s8 %r0, [%m];
                ld.global.u8 %r1, [%m];
                ld.global.s16 %r2, [%m+2];
                ld.global.u16 %r3, [%m+2];
                ld.global.s32 %z0, [%m];
                st.global.v4.b32 [%m+16], {%r0, %r1, %r2, %r3};
                st.global.b64 [%m+32], %z0;
                ld.global.v2.u16 {%r4, %r5}, [%m];
                ld.global.v4.s8 {%r6, %r7, %r8, %r9}, [%m];
                st.global.v2.b32 [%m+40], {%r4, %r5};
                st.global.v4.b32 [%m+48], {%r6, %r7, %r8, %r9};
                ld.global.v2.b64 {%z1, %z2}, [%m+48];
                st.global.v2.b64 [%m+64], {%z2, %z1};
                st.global.b8 [%m+80], %r0;
                st.global.b16 [%m+82], %r0;
                """;
        try (Kernel kernel = new Kernel(body, 128)) {
            int[] found = kernel.ints(1, 1);
            assertThat(IntStream.range(4, 8).map(i -> found[i])).containsExactly(0xffffff81, 0x81, -0x7f01, 0x80ff);
            assertThat(kernel.memory.get(ValueLayout.JAVA_LONG, 32)).isEqualTo((long) 0x80ff7f81);
            assertThat(IntStream.of(found[10], found[11])).containsExactly(0x7f81, 0x80ff);
            assertThat(IntStream.range(12, 16).map(i -> found[i])).containsExactly(-127, 127, -1, -128);
            assertThat(IntStream.range(16, 20).map(i -> found[i])).containsExactly(-1, -128, -127, 127);
            assertThat(found[20]).isEqualTo(0xff810081);
        }
    }

    @Test
    void globalMemoryIsWhatWasRegistered() {
        fails(
                "ld.global.b32 %r0, [%m+256];",
                "4 bytes at 0x",
                "in no memory that is registered",
                "256 bytes",
                "ends 0 bytes before",
                "thread (",
                "`ld.global.b32 %r0, [%m+256]`",
                "PTX line");
        fails("st.global.b32 [%m+-4], %r0;", "in no memory that is registered");
        fails("ld.global.v4.b32 {%r0, %r1, %r2, %r3}, [%m+8];", "misaligned: 16 bytes");
        fails("ld.global.v4.b32 {%r0, %r1, %r2, %r3}, [%m+256];", "in no memory");
        fails("ld.global.b64 %z0, [%m+4];", "misaligned: 8 bytes");
        fails("st.global.b16 [%m+1], %r0;", "misaligned: 2 bytes");
        fails("atom.global.add.u32 %r0, [%m+2], 1;", "misaligned: 4 bytes");
        fails("mov.u64 %z0, 0; ld.global.b32 %r0, [%z0];", "in no memory");
        fails("ld.global.b32 %r0, [%z7];", "in no memory"); // a register never written
        fails("mov.u64 %z0, -1; ld.b32 %r0, [%z0];", "no address");
        fails(".const .b32 k = 3;", "mov.u64 %z0, k; st.global.b32 [%z0], 1;", 0, "constant memory is written");
        fails("ld.param.u64 %z0, [memory+8];", "outside of the parameters");
    }

    @Test
    void memoryNeverWrittenIsPoison() {
        try (Kernel kernel = new Kernel("ld.global.b32 %r0, [%p]; st.global.b32 [%p], %r0;", 256)) {
            kernel.machine.memory().remove(kernel.memory.address()).poison(true);
            kernel.machine.memory(kernel.memory.address(), 256);
            kernel.machine.memory().written(kernel.memory.address(), 128);
            kernel.run(1, 32, 0);
            assertThatThrownBy(() -> kernel.run(1, 33, 0))
                    .hasMessageContaining("reads global memory that was never written, byte 128")
                    .hasMessageContaining("thread (32, 0, 0)");
            kernel.machine.memory().written(kernel.memory.address() + 128, 4);
            kernel.run(1, 33, 0);
        }
        try (Kernel kernel = new Kernel(
                "st.global.b16 [%p], %r0; ld.global.b16 %r1, [%p]; @%q0 ld.global.b32 %r0, [%p]; ld.global.b16 %r0, [%p+2];",
                256)) {
            kernel.machine.memory().remove(kernel.memory.address()).poison(true).add(kernel.memory.address(), 256);
            assertThatThrownBy(() -> kernel.run(1, 1, 0))
                    .hasMessageContaining("byte 2")
                    .hasMessageContaining("ld.global.b16 %r0, [%p+2]");
        }
    }

    @Test
    void memoryIsRegisteredOnceAndGoes() {
        PtxMemory memory = new PtxMemory().add(4096, 64);
        assertThatThrownBy(() -> memory.add(4100, 4)).hasMessageContaining("overlap");
        assertThatThrownBy(() -> memory.add(4000, 97)).hasMessageContaining("overlap");
        memory.add(4160, 4).remove(4096).add(4100, 4);
        assertThatThrownBy(() -> memory.remove(4096)).hasMessageContaining("no memory begins at");
        assertThatThrownBy(() -> memory.written(4100, 8)).hasMessageContaining("not within");
    }

    @Test
    void sharedMemoryHasEdges() {
        String two = "{ .shared .align 4 .b8 s[16]; .shared .align 4 .b8 u[16]; ";
        fails(
                two + "mov.u64 %z0, s; mov.u64 %z1, u; st.shared.b32 [%z0+16], 1; }",
                "outside of shared memory",
                "s at ",
                "16 bytes",
                "u at ");
        fails(two + "mov.u64 %z0, s; mov.u64 %z1, u; st.shared.b32 [%z0+-4], 1; }", "outside of shared memory");
        fails(two + "mov.u64 %z0, s; st.shared.b32 [u+16], 1; }", "outside of shared memory");
        fails(two + "ld.shared.b32 %r0, [s+2]; }", "misaligned");
        fails(two + "ld.shared.b32 %r0, [s+4]; }", "reads shared memory that was never written, byte 4");
        fails(two + "mov.u64 %z0, 4096; cvta.shared.u64 %z0, %z0; st.b32 [%z0], 1; }", "outside of shared memory");
        String dynamic = ".extern .shared .align 16 .b8 d[];";
        fails(dynamic, "st.shared.b32 [d+128], 1;", 128, "outside of shared memory", "dynamic at ", "128 bytes");
        fails(dynamic, "st.shared.b32 [d], 1;", 0, "outside of shared memory");
        fails(dynamic, "st.shared.b32 [d], 1;", 228 << 10, "bytes of shared memory; a block of sm_90 has 232,448");
        fails("{ .shared .b8 s[49156]; st.shared.b8 [s], 1; }", "at most 49,152 of them static");
        try (Kernel kernel = new Kernel(
                dynamic, "st.shared.b32 [d+124], 5; ld.shared.b32 %r0, [d+124]; st.global.b32 [%m], %r0;", 4)) {
            kernel.run(1, 1, 128);
            assertThat(kernel.memory.get(ValueLayout.JAVA_INT, 0)).isEqualTo(5);
        }
        try (Kernel kernel = new Kernel(two + "ld.shared.b32 %r0, [s+4]; st.global.b32 [%m], %r0; }", 4)) {
            kernel.machine.poison(false).launch("test", 1, 1, 0, kernel.memory.address());
            assertThat(kernel.memory.get(ValueLayout.JAVA_INT, 0))
                    .as("a NaN where nothing was written")
                    .isEqualTo(-1);
        }
    }

    @Test
    void localMemoryIsEveryThreadsOwn() {
        String body = """
                { .local .align 8 .b8 l[16];
                mov.u64 %z0, l;
                st.local.b32 [%z0+12], %t;
                cvta.local.u64 %z1, %z0;
                ld.b32 %r0, [%z1+12];
                st.global.b32 [%p], %r0; }
                """;
        try (Kernel kernel = new Kernel(body, 256)) {
            assertThat(kernel.ints(1, 64)).isEqualTo(IntStream.range(0, 64).toArray());
        }
        fails(
                "{ .local .b8 l[16]; mov.u64 %z0, l; st.local.b32 [%z0+16], %t; }",
                "outside of local memory, which has 16");
        fails("{ .local .b8 l[16]; mov.u64 %z0, l; st.local.b32 [%z0+-4], %t; }", "outside of local memory");
    }

    @Test
    void variablesOfTheModule() {
        String before = """
                .global .align 4 .b8 bytes[6] = {1, 2, 255, 4};
                .global .align 4 .f32 floats[2] = {0f3F800000, 0fC0000000};
                .const .align 8 .u64 pointer = generic(bytes);
                .global .u32 counter = 40;
                """;
        String body = """
                ld.const.u64 %z0, [pointer];
                ld.u8 %r0, [%z0+2];
                ld.global.u8 %r1, [bytes+5];
                ld.global.f32 %f0, [floats+4];
                mov.b32 %r2, %f0;
                atom.global.add.u32 %r3, [counter], 2;
                st.global.v4.b32 [%m], {%r0, %r1, %r2, %r3};
                """;
        try (Kernel kernel = new Kernel(before, body, 16)) {
            assertThat(kernel.ints(1, 1)).containsExactly(255, 0, Float.floatToRawIntBits(-2), 40);
            assertThat(kernel.ints(1, 1)).containsExactly(255, 0, Float.floatToRawIntBits(-2), 42);
            assertThat(PtxMemory.ALL.get(ValueLayout.JAVA_INT, kernel.machine.global("counter")))
                    .isEqualTo(44);
            assertThat(kernel.machine.globalBytes("bytes")).isEqualTo(6);
            assertThatThrownBy(() -> kernel.machine.global("none")).hasMessageContaining("no variable none");
        }
    }

    @Test
    void atomics() {
        String body = """
                atom.global.add.u32 %r0, [%m], 1;
                atom.global.min.s32 %r1, [%m+4], %t;
                atom.global.max.u32 %r1, [%m+8], %t;
                atom.global.or.b32 %r1, [%m+12], %t;
                atom.global.xor.b32 %r1, [%m+16], %t;
                red.global.add.f32 [%m+20], 0f3F000000;
                atom.global.inc.u32 %r1, [%m+24], 5;
                atom.global.dec.u32 %r1, [%m+28], 5;
                atom.global.cas.b32 %r1, [%m+32], 0, 9;
                atom.global.exch.b32 %r1, [%m+36], 7;
                cvt.u64.u32 %z0, %t;
                red.global.add.u64 [%m+40], %z0;
                mov.f64 %z1, 0d3FD0000000000000;
                red.relaxed.gpu.global.add.f64 [%m+48], %z1;
                atom.global.and.b32 %r1, [%m+56], %t;
                red.global.add.noftz.bf16x2 [%m+60], 0x3f803f80;
                mul.wide.u32 %z2, %r0, 4;
                add.u64 %z2, %z2, %m;
                st.global.b32 [%z2+64], %r0;
                """;
        try (Kernel kernel = new Kernel(body, 256)) {
            kernel.machine.races(true);
            kernel.memory.set(ValueLayout.JAVA_INT, 4, 17);
            kernel.memory.set(ValueLayout.JAVA_INT, 56, -1);
            kernel.ints(1, 40);
            int[] found = kernel.memory.toArray(ValueLayout.JAVA_INT);
            assertThat(IntStream.range(0, 10).map(i -> found[i]))
                    .containsExactly(40, 0, 39, 63, xors(40), Float.floatToRawIntBits(20), 40 % 6, dec(40), 9, 7);
            assertThat(kernel.memory.get(ValueLayout.JAVA_LONG, 40)).isEqualTo(39 * 40 / 2);
            assertThat(kernel.memory.get(ValueLayout.JAVA_DOUBLE, 48)).isEqualTo(10.0);
            assertThat(found[14]).isZero();
            assertThat(found[15]).isEqualTo(0x42204220);
            for (int i = 0; i < 40; i++)
                assertThat(found[16 + i]).as("every old value once").isEqualTo(i);
        }
    }

    private static int xors(int n) {
        return IntStream.range(0, n).reduce(0, (a, b) -> a ^ b);
    }

    private static int dec(int n) {
        int x = 0;
        for (int i = 0; i < n; i++) x = x == 0 || x > 5 ? 5 : x - 1;
        return x;
    }

    /** A copy is there when it was waited for, and no sooner; what is not read is zero. */
    @Test
    void asynchronousCopies() {
        String copy = """
                { .shared .align 16 .b8 s[64];
                .reg .b32 %a;
                mov.u64 %z0, s;
                cvt.u32.u64 %a, %z0;
                st.shared.b32 [%a], 1;
                cp.async.ca.shared.global [%a], [%m], 16, 8;
                cp.async.commit_group;
                cp.async.cg.shared.global [%a+16], [%m], 16;
                cp.async.commit_group;
                WAIT
                ld.shared.v4.b32 {%r0, %r1, %r2, %r3}, [%a];
                st.global.v4.b32 [%m+16], {%r0, %r1, %r2, %r3}; }
                """;
        for (String wait : new String[] {"cp.async.wait_group 1;", "cp.async.wait_group 0;", "cp.async.wait_all;"}) {
            try (Kernel kernel = new Kernel(copy.replace("WAIT", wait), 64)) {
                for (int i = 0; i < 4; i++) kernel.memory.setAtIndex(ValueLayout.JAVA_INT, i, 10 + i);
                assertThat(IntStream.of(kernel.ints(1, 1)).skip(4).limit(4)).containsExactly(10, 11, 0, 0);
            }
        }
        String early = copy.replace("WAIT", "cp.async.wait_group 1;")
                .replace("ld.shared.v4.b32 {%r0, %r1, %r2, %r3}, [%a]", "ld.shared.b32 %r0, [%a+16]");
        fails(early, "never written");
    }

    @Test
    void parametersOfCallsAndRecursion() {
        String before = """
                .func (.param .b32 out) factorial(.param .b32 n)
                {
                .reg .b32 %r<4>; .reg .pred %p;
                ld.param.u32 %r0, [n];
                setp.lt.u32 %p, %r0, 2;
                mov.u32 %r1, 1;
                @%p bra DONE;
                sub.u32 %r2, %r0, 1;
                { .param .b32 in; .param .b32 result;
                st.param.b32 [in], %r2;
                call.uni (result), factorial, (in);
                ld.param.b32 %r3, [result]; }
                mul.lo.u32 %r1, %r0, %r3;
                DONE:
                st.param.b32 [out], %r1;
                ret;
                }
                .func store(.param .b64 at, .param .align 8 .b8 pair[8])
                {
                .reg .b64 %z; .reg .b32 %a, %b;
                ld.param.u64 %z, [at];
                ld.param.v2.u32 {%a, %b}, [pair];
                add.u32 %a, %a, %b;
                st.global.b32 [%z], %a;
                ret;
                }
                """;
        String body = """
                { .param .b32 in; .param .b32 result;
                st.param.b32 [in], %t;
                call.uni (result), factorial, (in);
                ld.param.b32 %r0, [result]; }
                { .param .b64 at; .param .align 8 .b8 pair[8];
                st.param.b64 [at], %p;
                st.param.v2.b32 [pair], {%r0, %t};
                call.uni store, (at, pair); }
                """;
        try (Kernel kernel = new Kernel(before, body, 64)) {
            int[] found = kernel.ints(1, 12);
            for (int i = 0, f = 1; i < 12; f *= ++i) assertThat(found[i]).isEqualTo(f + i);
        }
        String endless = ".func f() { call.uni f, (); ret; }";
        fails(endless, "call.uni f, ();", 0, "a recursion without end");
    }

    @Test
    void branchesByTableAndTraps() {
        String body = """
                TABLE: .branchtargets ZERO, ONE, TWO;
                rem.u32 %r0, %t, 4;
                brx.idx %r0, TABLE;
                ZERO: mov.u32 %r1, 100; bra.uni END;
                ONE: mov.u32 %r1, 101; bra.uni END;
                TWO: mov.u32 %r1, 102;
                END: st.global.b32 [%p], %r1;
                """;
        try (Kernel kernel = new Kernel(body, 12)) {
            assertThat(kernel.ints(1, 3)).containsExactly(100, 101, 102);
        }
        fails(body, "no target 3 of 3");
        fails("setp.eq.u32 %q0, %t, 9; @%q0 trap;", "the kernel gave up", "thread (9, 0, 0)");
    }

    @Test
    void launchesAreChecked() {
        try (Kernel kernel = new Kernel("", 16)) {
            assertThatThrownBy(() -> kernel.run(1, 1025, 0)).hasMessageContaining("no block");
            assertThatThrownBy(() -> kernel.run(0, 32, 0)).hasMessageContaining("no grid");
            assertThatThrownBy(() -> kernel.machine.launch("test", 1, 1, 0, 5))
                    .hasMessageContaining("parameter 0: 4 bytes given, 8 wanted");
            assertThatThrownBy(() -> kernel.machine.launch("test", 1, 1, 0))
                    .hasMessageContaining("1 parameters, not 0");
            assertThatThrownBy(() -> kernel.machine.launch("none", 1, 1, 0))
                    .hasMessageContaining("no kernel none among [test]");
            assertThatThrownBy(() ->
                            kernel.machine.launch("test", new int[] {1, 1, 1}, new int[] {1, 1, 1}, 0, new byte[7]))
                    .hasMessageContaining("7 bytes of parameters, not 8");
        }
        PtxMachine bounded =
                PtxMachine.of(".version 8.0\n.target sm_80\n.address_size 64\n.entry k() .maxntid 64, 1, 1 { ret; }");
        bounded.launch("k", 1, 64, 0);
        assertThatThrownBy(() -> bounded.launch("k", 1, 65, 0))
                .hasMessageContaining("65 threads a block; it was compiled for 64");
    }

    @Test
    void statistics() {
        String body = """
                { .shared .align 4 .b8 s[4096];
                .reg .b64 %w;
                ld.global.b32 %r0, [%p];
                mul.wide.u32 %w, %t, 128;
                mov.u64 %z0, s;
                add.u64 %z0, %z0, %w;
                st.shared.b32 [%z0], %r0;
                add.u64 %w, %w, %m;
                ld.global.b32 %r1, [%w]; }
                """;
        try (Kernel kernel = new Kernel(body, 4096)) {
            PtxStatistics s = kernel.machine.profile(true).launch("test", 2, 32, 0, kernel.memory.address());
            assertThat(s.blocks()).isEqualTo(2);
            assertThat(s.globalRead()).isEqualTo(2 * 32 * 8);
            assertThat(s.sharedWritten()).isEqualTo(2 * 32 * 4);
            assertThat(s.instructions()).isEqualTo(2 * 32 * 13L);
            assertThat(s.lines()).extracting(PtxStatistics.Line::warps).containsExactly(2L, 2L, 2L);
            assertThat(s.lines()).extracting(PtxStatistics.Line::bytes).containsExactly(256L, 256L, 256L);
            assertThat(s.lines())
                    .as("4 sectors in a row, 32 words of one bank, 32 sectors")
                    .extracting(PtxStatistics.Line::transfers)
                    .containsExactly(8L, 64L, 64L);
            assertThat(s.lines()).extracting(PtxStatistics.Line::ideal).containsExactly(8L, 2L, 8L);
        }
    }
}
