package dev.outrider.decode.device.cpu.x86;

import java.util.Arrays;

/**
 * Machine code of x86-64 for loops over 512-bit vectors: the few instructions that products need, encoded as Intel's
 * manual has it (Software Developer's Manual, volume 2: 2.1 for REX, 2.7 for EVEX). The Vector API gives no access to the
 * CPU's own products of bfloat16 and of bytes, which this is here for.
 *
 * <p>Vector registers are numbered 0 to 31. Displacements of memory are in bytes.
 */
public final class Assembler {
    /** General registers that a called function may overwrite, all but the vector ones. */
    public enum Register {
        RAX(0),
        RCX(1),
        RDX(2),
        RSI(6),
        /** The first argument. */
        RDI(7),
        R8(8),
        R9(9),
        R10(10),
        R11(11);

        private final int number;

        Register(int number) {
            this.number = number;
        }
    }

    /** Memory at base + index · scale + displacement; the index may be null. */
    public record Memory(Register base, Register index, int scale, int displacement) {
        public static Memory at(Register base, int displacement) {
            return new Memory(base, null, 1, displacement);
        }

        public Memory plus(int bytes) {
            return new Memory(base, index, scale, displacement + bytes);
        }
    }

    /** Opcode maps and mandatory prefixes, as EVEX numbers them. */
    private static final int MAP_0F = 1, MAP_0F38 = 2, NONE = 0, P66 = 1, PF3 = 2;

    private static final int FULL = 64, HALF = 32, LANE = 4;

    private byte[] code = new byte[1 << 10];
    private int length;

    /** What was written so far. */
    public byte[] bytes() {
        return Arrays.copyOf(code, length);
    }

    /** Where the next instruction begins, for {@link #jumpIfNotZero}. */
    public int here() {
        return length;
    }

    // ---- general registers, 64 bits ------------------------------------------------------------

    public void load(Register to, Memory from) {
        general(0x8b, to.number, from);
    }

    public void move(Register to, Register from) {
        registers(0x89, to, from);
    }

    /** The address itself. */
    public void address(Register to, Memory of) {
        general(0x8d, to.number, of);
    }

    /** A number from 0 to 2^31 - 1. */
    public void number(Register to, int value) {
        if (to.number >= 8) bytes(0x41);
        bytes(0xb8 | to.number & 7);
        int32(value);
    }

    public void add(Register to, int value) {
        bytes(0x48 | to.number >> 3, 0x81, 0xc0 | to.number & 7);
        int32(value);
    }

    public void add(Register to, Register value) {
        registers(0x01, to, value);
    }

    public void add(Register to, Memory value) {
        general(0x03, to.number, value);
    }

    /** To a number of 64 bits in memory. */
    public void add(Memory to, int value) {
        general(0x81, 0, to);
        int32(value);
    }

    public void decrement(Register of) {
        bytes(0x48 | of.number >> 3, 0xff, 0xc8 | of.number & 7);
    }

    /** Of a number of 64 bits in memory. */
    public void decrement(Memory of) {
        general(0xff, 1, of);
    }

    /** If what was decremented last is not zero. */
    public void jumpIfNotZero(int to) {
        bytes(0x0f, 0x85);
        int32(to - (length + 4));
    }

    /** If a register is zero: to where {@link #land} says. Gives what land is to be told. */
    public int jumpIfZero(Register value) {
        registers(0x85, value, value);
        bytes(0x0f, 0x84);
        int32(0);
        return length;
    }

    /** Here is where a jump goes. */
    public void land(int jump) {
        int distance = length - jump;
        for (int i = 0; i < 4; i++) code[jump - 4 + i] = (byte) (distance >> 8 * i);
    }

    /** Back to the caller, whose vectors may be narrower. */
    public void end() {
        bytes(0xc5, 0xf8, 0x77, 0xc3);
    }

    // ---- vectors of 512 bits -------------------------------------------------------------------

    public void load(int to, Memory from) {
        vector(MAP_0F, NONE, 0x10, to, 0, from, FULL, false);
    }

    public void store(int from, Memory to) {
        vector(MAP_0F, NONE, 0x11, from, 0, to, FULL, false);
    }

    public void zero(int vector) {
        vector(MAP_0F, P66, 0xef, vector, vector, vector);
    }

    /** Every lane the 32 bits that lie there. */
    public void broadcast(int to, Memory from) {
        vector(MAP_0F38, P66, 0x18, to, 0, from, LANE, false);
    }

    /** Half the bytes, as F16, widened. */
    public void widenF16(int to, Memory from) {
        vector(MAP_0F38, P66, 0x13, to, 0, from, HALF, false);
    }

    /** to + a · b, rounded once. */
    public void multiplyAdd(int to, int a, int b) {
        vector(MAP_0F38, P66, 0xb8, to, a, b);
    }

    public void multiplyAddBroadcast(int to, int a, Memory b) {
        vector(MAP_0F38, P66, 0xb8, to, a, b, LANE, true);
    }

    public void multiply(int to, int a, int b) {
        vector(MAP_0F, NONE, 0x59, to, a, b);
    }

    public void multiplyBroadcast(int to, int a, Memory b) {
        vector(MAP_0F, NONE, 0x59, to, a, b, LANE, true);
    }

    public void add(int to, int a, Memory b) {
        vector(MAP_0F, NONE, 0x58, to, a, b, FULL, false);
    }

    /** Of 32-bit integers. */
    public void floats(int to, int from) {
        vector(MAP_0F, NONE, 0x5b, to, 0, from);
    }

    /** Pairs of BF16: to + a1 · b1, rounded, then + a0 · b0, rounded; subnormal numbers are zeros (AVX512_BF16). */
    public void productBf16(int to, int a, int b) {
        vector(MAP_0F38, PF3, 0x52, to, a, b);
    }

    public void productBf16Broadcast(int to, int a, Memory b) {
        vector(MAP_0F38, PF3, 0x52, to, a, b, LANE, true);
    }

    /** Fours of bytes, unsigned a and signed b: to + Σ a · b in 32 bits (AVX512_VNNI). */
    public void productBytes(int to, int a, int b) {
        vector(MAP_0F38, P66, 0x50, to, a, b);
    }

    public void productBytesBroadcast(int to, int a, Memory b) {
        vector(MAP_0F38, P66, 0x50, to, a, b, LANE, true);
    }

    // ---- encoding ------------------------------------------------------------------------------

    private void vector(int map, int prefix, int opcode, int to, int a, int b) {
        evex(map, prefix, to, a, b >> 3 & 1, b >> 4, false);
        bytes(opcode, 0xc0 | (to & 7) << 3 | b & 7);
    }

    private void vector(
            int map, int prefix, int opcode, int to, int a, Memory b, int displacementUnit, boolean broadcast) {
        int index = b.index == null ? 0 : b.index.number >> 3;
        evex(map, prefix, to, a, b.base.number >> 3, index, broadcast);
        bytes(opcode);
        operand(to & 7, b, displacementUnit);
    }

    private void evex(int map, int prefix, int to, int a, int b, int x, boolean broadcast) {
        int high = (~to >> 3 & 1) << 7 | (~x & 1) << 6 | (~b & 1) << 5 | (~to >> 4 & 1) << 4;
        bytes(0x62, high | map, (~a & 15) << 3 | 4 | prefix, 2 << 5 | (broadcast ? 1 << 4 : 0) | (~a >> 4 & 1) << 3);
    }

    private void registers(int opcode, Register to, Register from) {
        bytes(0x48 | from.number >> 3 << 2 | to.number >> 3, opcode, 0xc0 | (from.number & 7) << 3 | to.number & 7);
    }

    private void general(int opcode, int register, Memory m) {
        int index = m.index == null ? 0 : m.index.number >> 3;
        bytes(0x48 | register >> 3 << 2 | index << 1 | m.base.number >> 3, opcode);
        operand(register & 7, m, 1);
    }

    // ModRM, SIB where there is an index, and the displacement: one byte where it is so many units.
    private void operand(int register, Memory m, int unit) {
        boolean small = m.displacement % unit == 0 && (byte) (m.displacement / unit) == m.displacement / unit;
        int mode = m.displacement == 0 ? 0 : small ? 1 : 2;
        if (m.index == null) bytes(mode << 6 | register << 3 | m.base.number & 7);
        else {
            int scale = Integer.numberOfTrailingZeros(m.scale);
            bytes(mode << 6 | register << 3 | 4, scale << 6 | (m.index.number & 7) << 3 | m.base.number & 7);
        }
        if (mode == 1) bytes(m.displacement / unit);
        if (mode == 2) int32(m.displacement);
    }

    private void int32(int value) {
        bytes(value, value >> 8, value >> 16, value >> 24);
    }

    private void bytes(int... values) {
        if (length + values.length > code.length) code = Arrays.copyOf(code, 2 * code.length);
        for (int value : values) code[length++] = (byte) value;
    }
}
