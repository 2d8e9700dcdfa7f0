package dev.outrider.decode.device.cuda.ptx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

/** The race detector: every kind of race is found in every order, and nothing that is ordered is one. */
class RacesTest {
    private static final String SHARED = """
            { .shared .align 4 .b8 s[1024];
            .reg .b64 %%s, %%next;
            mul.wide.u32 %%s, %%t, 4;
            mov.u64 %%z0, s;
            add.u64 %%s, %%s, %%z0;
            xor.b32 %%r1, %%t, %d;
            mul.wide.u32 %%next, %%r1, 4;
            add.u64 %%next, %%next, %%z0;
            %s }
            """;

    private static void race(String body, int blocks, int threads, String... words) {
        for (long seed = 0; seed < 6; seed++) {
            try (Kernel kernel = new Kernel(body, 4096)) {
                kernel.machine.seed(seed).poison(false).races(true);
                assertThatThrownBy(() -> kernel.run(blocks, threads, 0))
                        .isInstanceOf(PtxFault.class)
                        .satisfies(e -> assertThat(e.getMessage()).contains(words));
                kernel.machine.races(false).launch("test", blocks, threads, 0, kernel.memory.address());
            }
        }
    }

    private static void none(String body, int blocks, int threads) {
        for (long seed = 0; seed < 6; seed++) {
            try (Kernel kernel = new Kernel(body, 4096)) {
                kernel.machine.seed(seed).races(true);
                kernel.run(blocks, threads, 0);
            }
        }
    }

    private static String shared(int partner, String body) {
        return SHARED.formatted(partner, body);
    }

    @Test
    void sharedMemoryWithoutABarrier() {
        String lost = "st.shared.b32 [%s], %t; MEET ld.shared.b32 %r2, [%next]; st.global.b32 [%p], %r2;";
        race(
                shared(1, lost.replace("MEET", "")),
                1,
                64,
                "race in shared memory",
                "with nothing between that orders them",
                "and thread block (0, 0, 0), thread (");
        race(shared(32, lost.replace("MEET", "")), 1, 64, "race in shared memory");
        race(shared(32, lost.replace("MEET", "bar.warp.sync -1;")), 1, 64, "race in shared memory");
        race(shared(32, lost.replace("MEET", "vote.sync.any.pred %q0, %q1, -1;")), 1, 64, "race in shared memory");
        race(
                shared(
                        16,
                        lost.replace(
                                "MEET",
                                "setp.lt.u32 %q0, %t, 16; selp.b32 %r3, 0xffff, 0xffff0000, %q0; bar.warp.sync %r3;")),
                1,
                32,
                "race in shared memory");
        race(shared(1, lost.replace("MEET", "membar.gl;")), 1, 64, "race in shared memory");
        none(shared(1, lost.replace("MEET", "bar.warp.sync -1;")), 1, 64);
        none(
                shared(
                        8,
                        lost.replace(
                                "MEET",
                                "setp.lt.u32 %q0, %t, 16; selp.b32 %r3, 0xffff, 0xffff0000, %q0; bar.warp.sync %r3;")),
                1,
                32);
        race(shared(1, lost.replace("MEET", "shfl.sync.bfly.b32 %r4, %t, 1, 31, -1;")), 1, 64, "race in shared memory");
        none(shared(32, lost.replace("MEET", "bar.sync 0;")), 1, 64);
        none(shared(32, lost.replace("MEET", "bar.sync 0;").replace("st.global.b32 [%p], %r2;", "")), 5, 64);
    }

    /** The second barrier of a loop over tiles: reads, then the next writes. */
    @Test
    void sharedMemoryIsWrittenAgainTooSoon() {
        String loop = """
                mov.u32 %r3, 0;
                ROUND: st.shared.b32 [%s], %r3;
                bar.sync 0;
                ld.shared.b32 %r2, [%next];
                AGAIN
                add.u32 %r3, %r3, 1;
                setp.lt.u32 %q0, %r3, 3;
                @%q0 bra ROUND;
                """;
        race(shared(33, loop.replace("AGAIN", "")), 1, 64, "race in shared memory");
        none(shared(33, loop.replace("AGAIN", "bar.sync 0;")), 1, 64);
    }

    /** Two halves of one word are two places. */
    @Test
    void bytesAreToldApart() {
        String halves =
                "{ .reg .b64 %h; mul.wide.u32 %h, %t, 2; add.u64 %h, %h, %m; st.global.b16 [%h], %t; ld.global.b16 %r0, [%h]; }";
        none(halves, 1, 64);
        String bytes = "{ .reg .b64 %h; cvt.u64.u32 %h, %t; add.u64 %h, %h, %m; st.global.b8 [%h], %t; }";
        none(bytes, 1, 64);
        race(
                bytes.replace(
                        "st.global.b8 [%h], %t;",
                        "st.global.b8 [%h], %t; and.b64 %h, %h, -2; ld.global.b16 %r0, [%h];"),
                1,
                64,
                "race in global memory");
        race(
                "{ .reg .b64 %h; mul.wide.u32 %h, %t, 8; add.u64 %h, %h, %m; st.global.b64 [%h], %h; ld.global.b32 %r0, [%p]; }",
                1, 64, "race in global memory");
    }

    @Test
    void globalMemoryOfALaunch() {
        race("st.global.b32 [%m], 5;", 1, 2, "race in global memory", "wrote it");
        race("st.global.b32 [%p], 5;", 2, 32, "race in global memory", "block (1, 0, 0)");
        race("st.global.b32 [%p], 5; ld.global.b32 %r0, [%p+4];", 1, 64, "race in global memory");
        none("st.global.b32 [%p], 5; ld.global.b32 %r0, [%p];", 1, 64);
        none("ld.global.b32 %r0, [%m]; ld.global.b32 %r0, [%p];", 3, 64);
        none(
                "st.global.b32 [%p], 5; bar.sync 0; ld.global.b32 %r0, [%p+64]; bar.sync 0; st.global.b32 [%p+16], 5;",
                1, 96);
        race("st.global.b32 [%p], 5; bar.sync 0; ld.global.b32 %r0, [%p+64];", 2, 96, "race in global memory");
    }

    @Test
    void atomicsRaceWithWhatIsNone() {
        none("red.global.add.u32 [%m], 1;", 3, 64);
        none(
                "red.global.add.u32 [%m], 1; ld.volatile.global.b32 %r0, [%m]; ld.relaxed.gpu.global.b32 %r0, [%m];",
                3, 64);
        race("red.global.add.u32 [%m], 1; ld.global.b32 %r0, [%m];", 1, 64, "race in global memory");
        race(
                "red.global.add.u32 [%m], 1; setp.eq.u32 %q0, %t, 9; @%q0 st.global.b32 [%m], 0;",
                1, 64, "race in global memory");
        none("red.global.add.u32 [%m], 1; bar.sync 0; ld.global.b32 %r0, [%m];", 1, 64);
        race(shared(0, "atom.shared.add.u32 %r0, [s], 1; ld.shared.b32 %r0, [s];"), 1, 64, "race in shared memory");
    }

    /** A thread that hands over by an atomic must release: by a fence before it, or by the atomic itself. */
    @Test
    void handingOver() {
        String body = """
                setp.ne.u32 %q0, %b, 0;
                @%q0 bra SECOND;
                st.global.b32 [%m], 5;
                GIVE
                ret;
                SECOND:
                TAKE
                setp.eq.u32 %q1, %r0, 0;
                @%q1 ret;
                ld.global.b32 %r1, [%m];
                st.global.b32 [%m+8], %r1;
                """;
        String take = "ld.acquire.gpu.global.b32 %r0, [%m+4];";
        String[] released = {
            "membar.gl; st.relaxed.gpu.global.b32 [%m+4], 1;",
            "st.release.gpu.global.b32 [%m+4], 1;",
            "atom.release.gpu.global.exch.b32 %r0, [%m+4], 1;",
            "atom.acq_rel.sys.global.add.u32 %r0, [%m+4], 1;",
            "fence.acq_rel.gpu; red.global.add.u32 [%m+4], 1;"
        };
        for (String give : released) none(body.replace("GIVE", give).replace("TAKE", take), 2, 1);
        String[] not = {
            "st.relaxed.gpu.global.b32 [%m+4], 1;",
            "st.release.cta.global.b32 [%m+4], 1;",
            "atom.global.exch.b32 %r0, [%m+4], 1; membar.gl;",
            "membar.cta; red.global.add.u32 [%m+4], 1;"
        };
        for (String give : not) race(body.replace("GIVE", give).replace("TAKE", take), 2, 1, "race in global memory");
    }

    /** cp.async may write as soon as it is asked: what others still read is not theirs any more. */
    @Test
    void asynchronousCopiesOverWhatIsRead() {
        String body = """
                st.shared.b32 [%s], %t;
                bar.sync 0;
                ld.shared.b32 %r2, [%next];
                MEET
                cp.async.ca.shared.global [%s], [%p], 4;
                cp.async.wait_all;
                bar.sync 0;
                ld.shared.b32 %r2, [%next];
                """;
        race(shared(32, body.replace("MEET", "")), 1, 64, "race in shared memory");
        race(
                shared(32, body.replace("MEET", "bar.sync 0;").replace("wait_all;\nbar.sync 0;", "wait_all;")),
                1,
                64,
                "race in shared memory");
        none(shared(32, body.replace("MEET", "bar.sync 0;")), 1, 64);
    }

    /** One launch does not remember another. */
    @Test
    void launchesAreOrdered() {
        try (Kernel kernel =
                new Kernel("setp.eq.u32 %q0, %t, 0; @%q0 st.global.b32 [%m], 5; @%q0 st.global.b32 [%m+4], 5; ", 64)) {
            kernel.machine.races(true);
            kernel.run(1, 32, 0);
            kernel.run(1, 32, 0);
        }
    }
}
