package dev.outrider.decode.device.cpu;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/**
 * What every {@link Device} must do, by nothing but its own operations, against scalar twins in double; subclasses say
 * which device. Sizes lie around vectors and warps, and are small: one of the devices is an interpreter.
 */
public abstract class DeviceContract {
    static final int[] SIZES = {1, 2, 3, 8, 13, 31, 32, 33, 64, 100};

    Device device;
    Native host;

    /** A new device, which the contract closes. */
    protected abstract Device open();

    @BeforeEach
    public void openDevice() {
        host = new Native();
        device = open();
    }

    @AfterEach
    public void closeDevice() {
        if (device != null) device.close();
        host.close();
    }

    static int size(RandomGenerator random) {
        return SIZES[random.nextInt(SIZES.length)];
    }

    Buffer of(float... values) {
        return of(device, values);
    }

    static Buffer of(Device device, float... values) {
        Buffer buffer = device.allocate(DType.F32, values.length);
        device.upload(values, 0, buffer, values.length);
        return buffer;
    }

    Buffer zeros(int count) {
        return device.allocate(DType.F32, count);
    }

    Buffer normal(RandomGenerator random, int count, double scale) {
        return of(Seeds.normal(random, count, scale));
    }

    float[] floats(Buffer buffer) {
        return floats(device, buffer);
    }

    static float[] floats(Device device, Buffer buffer) {
        float[] values = new float[Math.toIntExact(buffer.elements())];
        device.download(buffer, values, 0, values.length);
        return values;
    }

    double[] doubles(Buffer buffer) {
        return doubles(floats(buffer));
    }

    static double[] doubles(float[] values) {
        double[] all = new double[values.length];
        for (int i = 0; i < all.length; i++) all[i] = values[i];
        return all;
    }

    void close(double[] expected, Buffer found, double tolerance) {
        Close.to(expected, doubles(found), tolerance);
    }

    /** A matrix [out, in] as F32, BF16 or F16 in native memory, which outlives the test. */
    static Tensor stored(DType type, float[] values, long out, long in) {
        MemorySegment data = Arena.ofAuto().allocate((long) values.length * type.bytes, 64);
        for (int i = 0; i < values.length; i++) {
            switch (type) {
                case F32 -> data.setAtIndex(ValueLayout.JAVA_FLOAT, i, values[i]);
                case F16 -> data.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(values[i]));
                default ->
                    data.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (Float.floatToRawIntBits(values[i]) >>> 16));
            }
        }
        return new Tensor("w", type, new long[] {out, in}, data);
    }

    /** Rows for weights of a type; for I8 such as eight bits and a scale hold exactly, since a device may take them so. */
    Buffer activations(RandomGenerator random, DType type, int count) {
        if (type != DType.I8) return normal(random, count, 1);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) values[i] = (i % Buffer.GROUP == 0 ? 127 : random.nextInt(255) - 127) / 64f;
        return of(values);
    }

    /** Weights on a device and their values. */
    record Held(Buffer buffer, float[] values) {}

    /** A matrix of a stored type, or of I8; the values are read back as rows of a table. */
    Held matrix(RandomGenerator random, DType type, int out, int in) {
        float[] values = Seeds.normal(random, out * in, 1);
        Buffer held = type == DType.I8
                ? device.hold(stored(DType.F32, values, out, in), DType.I8)
                : device.hold(stored(type, values, out, in));
        return new Held(held, rows(device, held, out, in));
    }

    /** The rows of a table as floats. */
    static float[] rows(Device device, Buffer table, int rows, int width) {
        int[] ids = new int[rows];
        for (int r = 0; r < rows; r++) ids[r] = r;
        Buffer wide = device.allocate(DType.F32, (long) rows * width);
        device.embed(wide, table, ids, 0, rows, width);
        return floats(device, wide);
    }

    /** A type whose matrices may have rows of so many inputs. */
    static DType type(RandomGenerator random, int in) {
        DType[] types = {DType.F32, DType.BF16, DType.F16, DType.I8};
        return types[random.nextInt(in % Buffer.GROUP == 0 ? 4 : 3)];
    }
}
