package dev.outrider.decode.device.cpu.x86;

import static dev.outrider.decode.device.cpu.x86.Assembler.Register.R10;
import static dev.outrider.decode.device.cpu.x86.Assembler.Register.R11;
import static dev.outrider.decode.device.cpu.x86.Assembler.Register.R8;
import static dev.outrider.decode.device.cpu.x86.Assembler.Register.R9;
import static dev.outrider.decode.device.cpu.x86.Assembler.Register.RAX;
import static dev.outrider.decode.device.cpu.x86.Assembler.Register.RCX;
import static dev.outrider.decode.device.cpu.x86.Assembler.Register.RDI;
import static dev.outrider.decode.device.cpu.x86.Assembler.Register.RDX;
import static dev.outrider.decode.device.cpu.x86.Assembler.Register.RSI;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.outrider.decode.device.cpu.x86.Assembler.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** The bytes are those that GNU as 2.40 makes of the same instructions. */
class AssemblerTest {
    private static void is(String bytes, Consumer<Assembler> instruction) {
        Assembler a = new Assembler();
        instruction.accept(a);
        assertThat(HexFormat.ofDelimiter(" ").formatHex(a.bytes())).isEqualTo(bytes);
    }

    private static Memory at(Assembler.Register base, Assembler.Register index, int scale, int displacement) {
        return new Memory(base, index, scale, displacement);
    }

    @Test
    void generalRegisters() {
        is("48 8b 57 10", a -> a.load(RDX, Memory.at(RDI, 16)));
        is("4c 8b 5f 30", a -> a.load(R11, Memory.at(RDI, 48)));
        is("48 8b 86 34 12 00 00", a -> a.load(RAX, Memory.at(RSI, 0x1234)));
        is("4d 89 ca", a -> a.move(R10, R9));
        is("4c 89 c1", a -> a.move(RCX, R8));
        is("48 89 d6", a -> a.move(RSI, RDX));
        is("4c 8d 04 49", a -> a.address(R8, at(RCX, RCX, 2, 0)));
        is("b8 90 00 00 00", a -> a.number(RAX, 144));
        is("41 b9 07 00 00 00", a -> a.number(R9, 7));
        is("48 81 c6 00 10 00 00", a -> a.add(RSI, 0x1000));
        is("49 81 c1 00 10 00 00", a -> a.add(R9, 0x1000));
        is("4d 01 da", a -> a.add(R10, R11));
        is("48 01 c8", a -> a.add(RAX, RCX));
        is("4c 03 4f 28", a -> a.add(R9, Memory.at(RDI, 40)));
        is("48 81 07 00 10 00 00", a -> a.add(Memory.at(RDI, 0), 0x1000));
        is("48 ff c8", a -> a.decrement(RAX));
        is("49 ff ca", a -> a.decrement(R10));
        is("48 ff 4f 20", a -> a.decrement(Memory.at(RDI, 32)));
    }

    @Test
    void memoryOfVectors() {
        is("62 61 7c 48 10 3a", a -> a.load(31, Memory.at(RDX, 0)));
        is("62 f1 7c 48 10 6c 0a 01", a -> a.load(5, at(RDX, RCX, 1, 64)));
        is("62 61 7c 48 10 74 4a 02", a -> a.load(30, at(RDX, RCX, 2, 128)));
        is("62 31 7c 48 10 4c 02 ff", a -> a.load(9, at(RDX, R8, 1, -64)));
        is("62 31 7c 48 10 8c 02 41 00 00 00", a -> a.load(9, at(RDX, R8, 1, 65)));
        is("62 31 7c 48 10 8c 02 00 20 00 00", a -> a.load(9, at(RDX, R8, 1, 0x2000)));
        is("62 c1 7c 48 11 0a", a -> a.store(17, Memory.at(R10, 0)));
        is("62 62 7d 48 18 9e 80 04 00 00", a -> a.broadcast(27, Memory.at(RSI, 1152)));
        is("62 d2 7d 48 18 59 7f", a -> a.broadcast(3, Memory.at(R9, 508)));
        is("62 62 7d 48 13 64 0a 10", a -> a.widenF16(28, at(RDX, RCX, 1, 512)));
    }

    @Test
    void arithmeticOfVectors() {
        is("62 f1 7d 48 ef c0", a -> a.zero(0));
        is("62 a1 55 40 ef ed", a -> a.zero(21));
        is("62 72 35 40 b8 e3", a -> a.multiplyAdd(12, 25, 3));
        is("62 22 3d 48 b8 e8", a -> a.multiplyAdd(29, 8, 16));
        is("62 72 35 50 b8 66 02", a -> a.multiplyAddBroadcast(12, 25, Memory.at(RSI, 8)));
        is("62 41 1c 50 59 59 12", a -> a.multiplyBroadcast(27, 28, Memory.at(R9, 72)));
        is("62 91 64 40 59 e4", a -> a.multiply(4, 19, 28));
        is("62 c1 5c 40 58 22", a -> a.add(20, 20, Memory.at(R10, 0)));
        is("62 a1 7c 48 5b e4", a -> a.floats(20, 20));
        is("62 d1 7c 48 5b f9", a -> a.floats(7, 9));
        is("62 12 06 40 52 eb", a -> a.productBf16(13, 31, 27));
        is("62 62 0e 50 52 86 84 04 00 00", a -> a.productBf16Broadcast(24, 30, Memory.at(RSI, 1156)));
        is("62 12 05 40 50 eb", a -> a.productBytes(13, 31, 27));
        is("62 62 0d 50 50 86 58 02 00 00", a -> a.productBytesBroadcast(24, 30, Memory.at(RSI, 600)));
    }

    /** 7 + 6 + ... + 1 by a loop, to where the argument says. */
    @Test
    void whatIsWrittenRuns() {
        assumeThat(Routine.possible()).as("Linux on x86-64").isTrue();
        Assembler a = new Assembler();
        a.number(RAX, 7);
        a.number(RDX, 0);
        int turn = a.here();
        a.add(RDX, RAX);
        a.decrement(RAX);
        a.jumpIfNotZero(turn);
        a.number(RCX, 0);
        int over = a.jumpIfZero(RCX);
        a.add(Memory.at(RDI, 8), 1000);
        a.land(over);
        a.number(RCX, 1);
        int no = a.jumpIfZero(RCX), once = a.here();
        a.add(Memory.at(RDI, 8), 5);
        a.decrement(RCX);
        a.jumpIfNotZero(once);
        a.land(no);
        a.end();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment result = arena.allocate(ValueLayout.JAVA_LONG, 2);
            Routine routine = Routine.of(a.bytes()).orElseThrow();
            routine.call(result.address());
            routine.call(result.address());
            assertThat(result.getAtIndex(ValueLayout.JAVA_LONG, 1)).isEqualTo(10);
        }
    }
}
