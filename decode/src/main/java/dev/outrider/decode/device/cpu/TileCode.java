package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.x86.Assembler.Register.R10;
import static dev.outrider.decode.device.cpu.x86.Assembler.Register.R11;
import static dev.outrider.decode.device.cpu.x86.Assembler.Register.R8;
import static dev.outrider.decode.device.cpu.x86.Assembler.Register.R9;
import static dev.outrider.decode.device.cpu.x86.Assembler.Register.RAX;
import static dev.outrider.decode.device.cpu.x86.Assembler.Register.RCX;
import static dev.outrider.decode.device.cpu.x86.Assembler.Register.RDI;
import static dev.outrider.decode.device.cpu.x86.Assembler.Register.RDX;
import static dev.outrider.decode.device.cpu.x86.Assembler.Register.RSI;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.x86.Assembler;
import dev.outrider.decode.device.cpu.x86.Assembler.Memory;
import dev.outrider.decode.device.cpu.x86.Assembler.Register;
import dev.outrider.decode.device.cpu.x86.Routine;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;

/**
 * The loops of {@link TileProduct} as machine code of AVX-512, for the products of BF16 and of bytes that the Vector API
 * does not have: with them as many as ten rows of BF16 cost no more than reading the weights. Written when first needed,
 * for one type, one number of inputs, of rows and of tiles: so all but the addresses is constant.
 *
 * <p>A sum's bits are those of {@link TileProduct#scalar}, but that BF16 takes subnormal numbers for zeros.
 */
final class TileCode {
    /** What a call gets: longs, one after the other. Of them y and steps are counted up and down. */
    static final int ARGUMENTS = 72;

    private static final int Y = 0, X = 8, W = 16, APART = 24, STEPS = 32, Y_ROW = 40, Y_APART = 48;
    private static final int SCALES = 56, CORRECTIONS = 64;
    private static final int LINE = 64, LANES = 16, VECTORS = 32, MOST_TILES = 4;
    /** Lines of a tile for each turn of a loop; rows of weights are whole groups, so there are whole turns. */
    private static final int TURN = 4;

    private static final int GROUP_LINES = Buffer.GROUP * LANES / LINE;

    private final DType type;
    private final int in;
    /** By rows, tiles and whether sums are added to y. */
    private final Routine[] routines = new Routine[(VECTORS / 2) * MOST_TILES * 2];

    private TileCode(DType type, int in) {
        this.type = type;
        this.in = in;
    }

    /** Nothing where this machine, or the width of vectors that the JVM was told, does not have such instructions. */
    static Optional<TileCode> of(DType type, int in) {
        boolean possible = switch (type) {
            case F32 -> Avx512.POSSIBLE;
            case BF16 -> Avx512.BF16;
            case I8 -> Avx512.BYTES;
            default -> false;
        };
        return possible ? Optional.of(new TileCode(type, in)) : Optional.empty();
    }

    boolean is(DType type, int in) {
        return this.type == type && this.in == in;
    }

    /** Most rows of a step. */
    static int mostRows(DType type) {
        return type == DType.I8 ? 14 : 12;
    }

    /** Tiles that a step of so many rows takes at once: what the registers hold, and no more places of memory than four. */
    static int tiles(DType type, int rows) {
        return Math.min(MOST_TILES, type == DType.I8 ? (VECTORS - 1) / (2 * rows + 1) : 24 / rows);
    }

    /**
     * Multiplies {@code steps} times {@code tiles} tiles with rows of x.
     *
     * @param arguments memory of {@link #ARGUMENTS} bytes, of this thread
     * @param y F32, of the first tile's first output; the next step's lie after it
     * @param x rows of {@code in} elements of the type
     * @param w the first tile; the next step's lies after it
     * @param apart bytes from one tile of a step to the next
     * @param yRow bytes from a row of y to the next
     * @param yApart bytes from one tile's outputs to the next's
     * @param scales for I8 [rows, groups] F32; corrections likewise, I32, what the sum of a group begins with
     */
    void run(
            long arguments,
            int rows,
            int tiles,
            boolean adds,
            int steps,
            long y,
            long x,
            long w,
            long apart,
            long yRow,
            long yApart,
            long scales,
            long corrections) {
        set(arguments + Y, y);
        set(arguments + X, x);
        set(arguments + W, w);
        set(arguments + APART, apart);
        set(arguments + STEPS, steps);
        set(arguments + Y_ROW, yRow);
        set(arguments + Y_APART, yApart);
        set(arguments + SCALES, scales);
        set(arguments + CORRECTIONS, corrections);
        routine(rows, tiles, adds).call(arguments);
    }

    private static void set(long at, long value) {
        Lanes.ALL.set(ValueLayout.JAVA_LONG_UNALIGNED, at, value);
    }

    // Two threads may write the same code twice, which does no harm.
    private Routine routine(int rows, int tiles, boolean adds) {
        int index = ((rows - 1) * MOST_TILES + tiles - 1) * 2 + (adds ? 1 : 0);
        Routine routine = routines[index];
        if (routine == null)
            routines[index] =
                    routine = Routine.of(code(type, in, rows, tiles, adds)).orElseThrow();
        return routine;
    }

    // ---- code ----------------------------------------------------------------------------------

    /** One step after the other: sums of zero, all lines of the tiles, sums to y. */
    static byte[] code(DType type, int in, int rows, int tiles, boolean adds) {
        return new Writer(type, in, rows, tiles).all(adds);
    }

    /** Vectors: sums [rows, tiles]; for I8 as many again, of a group; weights of the tiles; x; a product of scales. */
    private record Writer(Assembler a, DType type, int in, int rows, int tiles) {
        Writer(DType type, int in, int rows, int tiles) {
            this(new Assembler(), type, in, rows, tiles);
        }

        byte[] all(boolean adds) {
            a.load(RDX, Memory.at(RDI, W));
            a.load(RCX, Memory.at(RDI, APART));
            a.address(R8, new Memory(RCX, RCX, 2, 0));
            int step = a.here();
            for (int s = 0; s < rows * tiles; s++) a.zero(s);
            a.load(RSI, Memory.at(RDI, X));
            if (type == DType.I8) groups();
            else lines();
            sums(adds);
            a.add(Memory.at(RDI, Y), LINE);
            a.decrement(Memory.at(RDI, STEPS));
            a.jumpIfNotZero(step);
            a.end();
            return a.bytes();
        }

        private void lines() {
            int line = type == DType.BF16 ? 2 : 1;
            a.number(RAX, in / line / TURN);
            int turn = a.here();
            for (int l = 0; l < TURN; l++) line(l, 0, in * type.bytes);
            a.add(RSI, TURN * line * type.bytes);
            a.add(RDX, TURN * LINE);
            a.decrement(RAX);
            a.jumpIfNotZero(turn);
        }

        // A line of every tile: 32 bits of x for all lanes, times 32 bits of each output.
        private void line(int line, int sums, int row) {
            for (int t = 0; t < tiles; t++) a.load(weights(t), tile(t, line * LINE));
            for (int r = 0; r < rows; r++) {
                Memory x = Memory.at(RSI, r * row + 4 * line);
                if (tiles > 1) a.broadcast(x(), x);
                for (int t = 0; t < tiles; t++) {
                    int sum = sums + r * tiles + t;
                    switch (type) {
                        case BF16 -> {
                            if (tiles > 1) a.productBf16(sum, weights(t), x());
                            else a.productBf16Broadcast(sum, weights(t), x);
                        }
                        case I8 -> {
                            if (tiles > 1) a.productBytes(sum, weights(t), x());
                            else a.productBytesBroadcast(sum, weights(t), x);
                        }
                        default -> {
                            if (tiles > 1) a.multiplyAdd(sum, weights(t), x());
                            else a.multiplyAddBroadcast(sum, weights(t), x);
                        }
                    }
                }
            }
        }

        private void groups() {
            int groups = in / Buffer.GROUP, first = rows * tiles;
            a.load(R9, Memory.at(RDI, SCALES));
            a.load(R10, Memory.at(RDI, CORRECTIONS));
            a.number(RAX, groups);
            int group = a.here();
            for (int s = 0; s < rows * tiles; s++) a.broadcast(first + s, Memory.at(R10, s / tiles * groups * 4));
            for (int l = 0; l < GROUP_LINES; l++) line(l, first, in);
            for (int t = 0; t < tiles; t++) a.widenF16(weights(t), tile(t, GROUP_LINES * LINE));
            for (int s = 0; s < rows * tiles; s++) {
                a.floats(first + s, first + s);
                a.multiplyBroadcast(product(), weights(s % tiles), Memory.at(R9, s / tiles * groups * 4));
                a.multiplyAdd(s, first + s, product());
            }
            for (Register r : List.of(R9, R10)) a.add(r, 4);
            a.add(RSI, Buffer.GROUP);
            a.add(RDX, Tiles.BLOCK);
            a.decrement(RAX);
            a.jumpIfNotZero(group);
        }

        private void sums(boolean adds) {
            a.load(R9, Memory.at(RDI, Y));
            a.load(R11, Memory.at(RDI, Y_APART));
            for (int r = 0; r < rows; r++) {
                a.move(R10, R9);
                for (int t = 0; t < tiles; t++) {
                    int sum = r * tiles + t;
                    if (adds) a.add(sum, sum, Memory.at(R10, 0));
                    a.store(sum, Memory.at(R10, 0));
                    if (t < tiles - 1) a.add(R10, R11);
                }
                if (r < rows - 1) a.add(R9, Memory.at(RDI, Y_ROW));
            }
        }

        private static Memory tile(int t, int displacement) {
            return switch (t) {
                case 0 -> Memory.at(RDX, displacement);
                case 1, 2 -> new Memory(RDX, RCX, t, displacement);
                default -> new Memory(RDX, R8, 1, displacement);
            };
        }

        private int weights(int t) {
            return VECTORS - 1 - t;
        }

        private int x() {
            return VECTORS - 1 - tiles;
        }

        // Of a group's scales: when they are read, x is not needed any more.
        private int product() {
            return x();
        }
    }
}
