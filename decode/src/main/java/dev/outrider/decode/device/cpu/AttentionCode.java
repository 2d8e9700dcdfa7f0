package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.x86.Assembler.Register.R10;
import static dev.outrider.decode.device.cpu.x86.Assembler.Register.R9;
import static dev.outrider.decode.device.cpu.x86.Assembler.Register.RAX;
import static dev.outrider.decode.device.cpu.x86.Assembler.Register.RCX;
import static dev.outrider.decode.device.cpu.x86.Assembler.Register.RDI;
import static dev.outrider.decode.device.cpu.x86.Assembler.Register.RDX;
import static dev.outrider.decode.device.cpu.x86.Assembler.Register.RSI;

import dev.outrider.decode.device.cpu.x86.Assembler;
import dev.outrider.decode.device.cpu.x86.Assembler.Memory;
import dev.outrider.decode.device.cpu.x86.Routine;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The products of {@link QueryCode} as machine code of AVX-512, written when first needed for one number of queries and
 * channels. Every sum is one lane's, over channels or entries in their order.
 */
final class AttentionCode {
    /** Most queries at once. */
    static final int MOST = 6;

    static final boolean POSSIBLE = Avx512.POSSIBLE;

    /** Bytes of memory that a call needs for what it is told. */
    static final int ARGUMENTS = 64;

    private static final int TO = 0, FROM = 8, CACHE = 16, COUNT = 24, REST = 32, SCALES = 40, SCALE = 48;
    private static final int LINE = 64, LANES = 16, BLOCK = 2 * LINE, WIDE = 4, SPARE = 26;

    private static final Map<Integer, AttentionCode> MADE = new ConcurrentHashMap<>();

    final int channels;
    private final Routine scores, mix;

    private AttentionCode(int queries, int channels) {
        this.channels = channels;
        scores = Routine.of(scores(queries, channels)).orElseThrow();
        mix = Routine.of(mix(queries, channels)).orElseThrow();
    }

    static AttentionCode of(int queries, int channels) {
        return MADE.computeIfAbsent(queries << 16 | channels, key -> new AttentionCode(key >> 16, key & 0xffff));
    }

    /**
     * q · k / √D for whole blocks of keys.
     *
     * @param arguments memory of {@link #ARGUMENTS} bytes, of this thread
     * @param to F32 [blocks, queries, {@link KeyBlocks#KEYS}]
     * @param from F32 [queries, channels]
     */
    void scores(long arguments, long to, long from, long keys, int blocks) {
        set(arguments + TO, to);
        set(arguments + FROM, from);
        set(arguments + CACHE, keys);
        set(arguments + COUNT, blocks);
        Lanes.set(arguments + SCALE, (float) (1 / Math.sqrt(channels)));
        scores.call(arguments);
    }

    /**
     * The sum of weight j · value j over the first {@code entries}, times a factor.
     *
     * @param outs where each query's sums go, [queries] addresses
     * @param weights as scores
     * @param factors F32 [queries]
     */
    void mix(long arguments, long outs, long weights, long values, int entries, long factors) {
        set(arguments + TO, outs);
        set(arguments + FROM, weights);
        set(arguments + CACHE, values);
        set(arguments + COUNT, entries / KeyBlocks.KEYS);
        set(arguments + REST, entries % KeyBlocks.KEYS);
        set(arguments + SCALES, factors);
        mix.call(arguments);
    }

    private static void set(long at, long value) {
        Lanes.ALL.set(ValueLayout.JAVA_LONG_UNALIGNED, at, value);
    }

    // Vectors: sums [queries, 2]; keys; x; the scale.
    private static byte[] scores(int queries, int channels) {
        Assembler a = new Assembler();
        int low = 31, high = 30, x = 29, scale = 28;
        a.broadcast(scale, Memory.at(RDI, SCALE));
        a.load(RDX, Memory.at(RDI, CACHE));
        a.load(R9, Memory.at(RDI, TO));
        a.load(RCX, Memory.at(RDI, COUNT));
        int block = a.here();
        for (int s = 0; s < 2 * queries; s++) a.zero(s);
        a.load(RSI, Memory.at(RDI, FROM));
        a.number(RAX, channels / WIDE);
        int turn = a.here();
        for (int c = 0; c < WIDE; c++) {
            a.load(low, Memory.at(RDX, c * BLOCK));
            a.load(high, Memory.at(RDX, c * BLOCK + LINE));
            for (int q = 0; q < queries; q++) {
                a.broadcast(x, Memory.at(RSI, 4 * (q * channels + c)));
                a.multiplyAdd(2 * q, low, x);
                a.multiplyAdd(2 * q + 1, high, x);
            }
        }
        a.add(RSI, 4 * WIDE);
        a.add(RDX, WIDE * BLOCK);
        a.decrement(RAX);
        a.jumpIfNotZero(turn);
        for (int s = 0; s < 2 * queries; s++) {
            a.multiply(s, s, scale);
            a.store(s, Memory.at(R9, s * LINE));
        }
        a.add(R9, queries * BLOCK);
        a.decrement(RCX);
        a.jumpIfNotZero(block);
        a.end();
        return a.bytes();
    }

    // As many channels at a time as the registers hold: vectors of sums [queries, vectors], of values, and a weight.
    private static byte[] mix(int queries, int channels) {
        Assembler a = new Assembler();
        int all = channels / LANES;
        for (int first = 0; first < all; first += WIDE) mix(a, queries, channels, first, Math.min(WIDE, all - first));
        a.end();
        return a.bytes();
    }

    private static void mix(Assembler a, int queries, int channels, int first, int vectors) {
        for (int s = 0; s < queries * vectors; s++) a.zero(s);
        a.load(RSI, Memory.at(RDI, FROM));
        a.load(RDX, Memory.at(RDI, CACHE));
        a.load(RCX, Memory.at(RDI, COUNT));
        int none = a.jumpIfZero(RCX);
        int block = a.here();
        a.number(RAX, KeyBlocks.KEYS / WIDE);
        int turn = a.here();
        for (int j = 0; j < WIDE; j++) entry(a, queries, channels, first, vectors, j);
        a.add(RSI, 4 * WIDE);
        a.add(RDX, 4 * WIDE * channels);
        a.decrement(RAX);
        a.jumpIfNotZero(turn);
        a.add(RSI, (queries - 1) * BLOCK);
        a.decrement(RCX);
        a.jumpIfNotZero(block);
        a.land(none);
        a.load(RCX, Memory.at(RDI, REST));
        none = a.jumpIfZero(RCX);
        int one = a.here();
        entry(a, queries, channels, first, vectors, 0);
        a.add(RSI, 4);
        a.add(RDX, 4 * channels);
        a.decrement(RCX);
        a.jumpIfNotZero(one);
        a.land(none);
        a.load(R9, Memory.at(RDI, TO));
        a.load(RSI, Memory.at(RDI, SCALES));
        for (int q = 0; q < queries; q++) {
            a.load(R10, Memory.at(R9, 8 * q));
            for (int v = 0; v < vectors; v++) {
                int sum = q * vectors + v;
                a.multiplyBroadcast(sum, sum, Memory.at(RSI, 4 * q));
                a.store(sum, Memory.at(R10, (first + v) * LINE));
            }
        }
    }

    // Entry j from where the values and weights are.
    private static void entry(Assembler a, int queries, int channels, int first, int vectors, int j) {
        for (int v = 0; v < vectors; v++) a.load(SPARE + v, Memory.at(RDX, 4 * channels * j + (first + v) * LINE));
        for (int q = 0; q < queries; q++) {
            a.broadcast(31, Memory.at(RSI, q * BLOCK + 4 * j));
            for (int v = 0; v < vectors; v++) a.multiplyAdd(q * vectors + v, SPARE + v, 31);
        }
    }
}
