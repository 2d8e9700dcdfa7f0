package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class MemoryTest {
    private final Arena arena = Arena.ofShared();
    private CpuDevice device;

    @BeforeEach
    void open() {
        device = new CpuDevice(2);
    }

    @AfterEach
    void close() {
        device.close();
        arena.close();
    }

    @Test
    void allocationsAreAlignedAndZero() {
        for (int n : new int[] {0, 1, 3, 1000, 1 << 20}) {
            Buffer buffer = device.allocate(DType.F32, n);
            assertThat(buffer.address() % 64).isZero();
            assertThat(device.sumOfSquares(buffer, n)).isZero();
            for (int i = 0; i < n; i++) Lanes.set(buffer.address() + 4L * i, 7);
            device.free(buffer);
        }
        Buffer again = device.allocate(DType.F32, 1000);
        assertThat(device.sumOfSquares(again, 1000)).isZero();
    }

    /** Of all sizes, some of which share larger blocks: what is freed takes nothing along, and what is new is zero. */
    @Test
    void blocksAreTheirOwners() {
        Seeds.run(3, random -> {
            List<Buffer> held = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                if (!held.isEmpty() && random.nextInt(3) == 0) {
                    Buffer old = held.remove(random.nextInt(held.size()));
                    assertThat(holds(old)).isTrue();
                    device.free(old);
                }
                Buffer buffer = device.allocate(DType.F32, 1L << random.nextInt(4, 21));
                assertThat(device.sumOfSquares(buffer, buffer.elements())).isZero();
                mark(buffer);
                held.add(buffer);
            }
            for (Buffer buffer : held) {
                assertThat(holds(buffer)).isTrue();
                device.free(buffer);
            }
        });
    }

    // Its own address at both ends.
    private static void mark(Buffer b) {
        Lanes.set(b.address(), b.address() >>> 6 & 0xfffff);
        Lanes.set(b.address() + b.bytes() - 4, b.address() >>> 6 & 0xfffff);
    }

    private static boolean holds(Buffer b) {
        float mark = b.address() >>> 6 & 0xfffff;
        return Lanes.get(b.address()) == mark && Lanes.get(b.address() + b.bytes() - 4) == mark;
    }

    @Test
    void tooMuchIsAFailureOfTheMachine() {
        assertThatThrownBy(() -> device.allocate(DType.F32, 1L << 55))
                .isInstanceOfSatisfying(Failure.class, f -> assertThat(f.kind()).isEqualTo(Failure.Kind.MACHINE));
    }

    @Test
    void uploadsAndDownloads() {
        float[] values = Seeds.normal(Seeds.generator(1), 10, 1), back = new float[12];
        Buffer buffer = device.allocate(DType.F32, 10);
        device.upload(values, 2, buffer, 8);
        device.download(buffer, back, 3, 9);
        for (int i = 0; i < 8; i++) assertThat(back[3 + i]).isEqualTo(values[2 + i]);
        assertThat(back[11]).isZero();
        assertThatThrownBy(() -> device.download(buffer, back, 0, 11)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> device.upload(values, 3, buffer, 8)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void alignedFloatsAndHalvesStayWhereTheyAre() {
        for (DType type : new DType[] {DType.F32, DType.BF16, DType.F16}) {
            Tensor tensor = tensor(type, 207, type.bytes);
            Buffer held = device.hold(tensor);
            assertThat(held).isEqualTo(new Buffer(type, tensor.data().address(), 207));
            device.free(held);
            assertThat(tensor.value(3)).as("free leaves it alone").isNotZero();
        }
    }

    @Test
    void everythingElseIsCopied() {
        for (DType type : DType.values()) {
            for (int shift : new int[] {0, 1}) {
                Tensor tensor = tensor(type, 20_001, shift);
                Buffer held = device.hold(tensor);
                boolean half = type == DType.BF16 || type == DType.F16;
                assertThat(held.type()).isEqualTo(half ? type : DType.F32);
                for (int i = 0; i < 20_001; i++) {
                    assertThat(Native.value(held, i)).isEqualTo((float) tensor.value(i));
                }
            }
        }
    }

    @Test
    void heapTensorsAreCopied() {
        Buffer held = device.hold(Tensor.of("t", new float[] {1, 2, 3}, 3));
        assertThat(Native.floats(held)).containsExactly(1, 2, 3);
        device.free(held);
    }

    @Test
    void buffersOfTheWrongTypeOrLengthAreRefused() {
        Buffer floats = device.allocate(DType.F32, 8), halves = device.allocate(DType.BF16, 8);
        assertThatThrownBy(() -> device.add(floats, halves, 8)).hasMessageContaining("BF16");
        assertThatThrownBy(() -> device.add(floats, floats, 9)).hasMessageContaining("9 elements");
        assertThatThrownBy(() -> device.copy(floats, halves, 8)).isInstanceOf(IllegalArgumentException.class);
    }

    /** Small whole numbers in any type, so many bytes after an aligned address. */
    private Tensor tensor(DType type, int count, int shift) {
        MemorySegment data =
                arena.allocate((long) count * type.bytes + shift, 64).asSlice(shift, (long) count * type.bytes);
        RandomGenerator random = Seeds.generator(count + shift);
        for (int i = 0; i < count; i++) put(data, type, i, 1 + random.nextInt(100));
        return new Tensor("t", type, new long[] {count}, data);
    }

    private static void put(MemorySegment data, DType type, long i, int value) {
        long bits = switch (type) {
            case F64 -> Double.doubleToRawLongBits(value);
            case F32 -> Float.floatToRawIntBits(value);
            case F16 -> Float.floatToFloat16(value);
            case BF16 -> Float.floatToRawIntBits(value) >>> 16;
            default -> value;
        };
        for (int b = 0; b < type.bytes; b++) {
            data.set(java.lang.foreign.ValueLayout.JAVA_BYTE, i * type.bytes + b, (byte) (bits >>> 8 * b));
        }
    }
}
