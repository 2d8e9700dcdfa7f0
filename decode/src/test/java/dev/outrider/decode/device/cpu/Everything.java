package dev.outrider.decode.device.cpu;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Gelu;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;

/** Every operation of a device once, by name, on buffers of its own; for tests that hold for all of them. */
public final class Everything {
    private static final int ROWS = 150, IN = 207, OUT = 300, HEADS = 6, SHARED = 2, DIM = 20, TIME = 75;

    private final Device device;
    private final RandomGenerator random = Seeds.generator(3);
    private final List<Buffer> made = new ArrayList<>();
    private double squares;
    /** What the cpu reads where it lies. */
    private final List<Tensor> kept = new ArrayList<>();

    public final Map<String, Runnable> operations = new LinkedHashMap<>();

    public Everything(Device device) {
        this.device = device;
        forward();
        gradients();
        attention();
        optimiser();
    }

    /** Everything that the operations have written, bit by bit. */
    public List<float[]> contents() {
        List<float[]> all = new ArrayList<>();
        for (Buffer b : made) all.add(DeviceContract.floats(device, b));
        all.add(new float[] {(float) squares, (float) (squares - (float) squares)});
        return all;
    }

    private Buffer normal(int count) {
        Buffer buffer = device.allocate(DType.F32, count);
        device.upload(Seeds.normal(random, count, 1), 0, buffer, count);
        made.add(buffer);
        return buffer;
    }

    // Such as eight bits and a scale for a group hold exactly.
    private Buffer steps(int count) {
        Buffer buffer = normal(count);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) values[i] = (i % Buffer.GROUP == 0 ? 127 : random.nextInt(255) - 127) / 64f;
        device.upload(values, 0, buffer, count);
        return buffer;
    }

    // The upper halves.
    private Buffer bf16(Buffer from, int rows) {
        float[] values = DeviceContract.floats(device, from);
        Tensor stored = DeviceContract.stored(DType.BF16, values, rows, values.length / rows);
        kept.add(stored);
        return device.hold(stored);
    }

    private void forward() {
        Buffer x = normal(ROWS * IN),
                y = normal(ROWS * OUT),
                w = normal(OUT * IN),
                gain = normal(IN),
                z = normal(ROWS * IN);
        Buffer half = bf16(w, OUT), bias = normal(OUT), table = normal(2 * TIME * 10), both = normal(ROWS * 2 * IN);
        int[] ids = random.ints(ROWS, 0, OUT).toArray();
        operations.put("linear", () -> device.linear(y, x, w, ROWS, IN, OUT, 0));
        operations.put("linear, bf16", () -> device.linear(y, x, half, ROWS, IN, OUT, 1));
        operations.put("linear, few rows", () -> device.linear(y, x, w, 5, IN, OUT, 0));
        Buffer f16 = device.allocate(DType.F16, w.elements());
        for (int rows = 1; rows <= 6; rows++) {
            int few = rows;
            operations.put("linear, f16, " + rows, () -> device.linear(y, x, f16, few, IN, OUT, 0));
        }
        for (DType type : List.of(DType.F32, DType.BF16, DType.I8)) {
            Buffer held = device.hold(Tensor.of("w", Seeds.normal(random, 192 * OUT, 1), OUT, 192), type);
            Buffer other = normal(5 * OUT);
            List<Buffer> to = List.of(y, other), matrices = List.of(held, held);
            Buffer exact = steps(ROWS * 192);
            operations.put("linear, arranged " + type, () -> device.linear(y, exact, held, 5, 192, OUT, 1));
            operations.put("linear, arranged, many " + type, () -> device.linear(y, exact, held, ROWS, 192, OUT, 0));
            operations.put("linear, several " + type, () -> device.linearEach(to, exact, matrices, 5, 192));
        }
        operations.put("linear, f16", () -> device.linear(y, x, f16, ROWS, IN, OUT, 0));
        operations.put("norm", () -> device.rmsNorm(z, x, gain, ROWS, IN, 1e-5f));
        operations.put("norm, bf16", () -> device.rmsNorm(z, x, half, ROWS, IN, 1e-5f));
        operations.put("bias", () -> device.addBias(y, bias, ROWS, OUT));
        operations.put("embed", () -> device.embed(z, w, ids, 0, ROWS, IN));
        operations.put("add", () -> device.add(z, x, ROWS * IN));
        operations.put("dropout", () -> device.dropout(z, ROWS * IN, 0.3, 5));
        operations.put("scale", () -> device.scale(z, 0.5f, ROWS * IN));
        operations.put("rope", () -> device.rope(x, ROWS, IN, 3, 20, table, TIME, 0, TIME, false));
        Buffer gate = both.slice(0, both.elements() - IN), up = both.slice(IN, both.elements() - IN);
        operations.put("layer norm", () -> device.layerNorm(z, x, gain, gain, ROWS, IN, 1e-5f));
        operations.put("gelu", () -> device.gelu(Gelu.EXACT, z, x, ROWS * IN));
        operations.put("quick gelu", () -> device.gelu(Gelu.QUICK, z, x, ROWS * IN));
        operations.put("swiglu", () -> device.swiglu(z, gate, up, ROWS, 2 * IN, IN));
        Buffer copied = normal(ROWS * IN);
        operations.put("copy", () -> device.copy(x, copied, ROWS * IN));
        operations.put("zero", () -> device.zero(copied, ROWS * IN / 2));
    }

    private void gradients() {
        Buffer x = normal(ROWS * IN), dy = normal(ROWS * OUT), w = normal(OUT * IN), gain = normal(IN);
        Buffer dx = normal(ROWS * IN), dw = normal(OUT * IN), dgain = normal(IN), db = normal(OUT);
        Buffer both = normal(ROWS * 2 * IN), dboth = normal(ROWS * 2 * IN);
        int[] ids = random.ints(ROWS, 0, OUT).toArray();
        long n = both.elements() - IN;
        Buffer gate = both.slice(0, n), up = both.slice(IN, n), dgate = dboth.slice(0, n), dup = dboth.slice(IN, n);
        operations.put("input gradient", () -> device.linearInputGradient(dx, dy, w, ROWS, IN, OUT, 0));
        operations.put("weight gradient", () -> device.linearWeightGradient(dw, dy, x, ROWS, IN, OUT, 1));
        operations.put("norm gradient", () -> device.rmsNormGradient(dx, dgain, x, x, gain, ROWS, IN, 1e-5f));
        operations.put(
                "layer norm gradient", () -> device.layerNormGradient(dx, dgain, db, x, x, gain, ROWS, IN, 1e-5f));
        operations.put("gelu gradient", () -> device.geluGradient(Gelu.EXACT, dx, x, x, ROWS * IN));
        operations.put("bias gradient", () -> device.addBiasGradient(db, dy, ROWS, OUT));
        operations.put("embed gradient", () -> device.embedGradient(dw, x, ids, 0, ROWS, IN));
        operations.put("swiglu gradient", () -> device.swigluGradient(dgate, dup, x, gate, up, ROWS, 2 * IN, IN));
    }

    private void attention() {
        int batch = 2, kv = HEADS / SHARED, width = HEADS * DIM, fused = (HEADS + 2 * kv) * DIM, tokens = batch * TIME;
        Buffer qkv = normal(tokens * fused), out = normal(tokens * width), logs = normal(tokens * HEADS);
        Buffer dqkv = normal(tokens * fused), dout = normal(tokens * width);
        operations.put("attention", () -> device.selfAttention(out, logs, qkv, batch, TIME, HEADS, kv, DIM, true));
        operations.put(
                "whole attention", () -> device.selfAttention(out, logs, qkv, batch, TIME, HEADS, kv, DIM, false));
        operations.put(
                "whole attention gradient",
                () -> device.selfAttentionGradient(dqkv, dout, out, logs, qkv, batch, TIME, HEADS, kv, DIM, false));
        operations.put(
                "attention gradient",
                () -> device.selfAttentionGradient(dqkv, dout, out, logs, qkv, batch, TIME, HEADS, kv, DIM, true));
        int capacity = Device.cacheCapacity(TIME);
        // How a cache lies is the device's own affair: what is in it shows in what attends to it.
        Buffer keys = device.allocate(DType.F32, kv * capacity * DIM);
        Buffer values = device.allocate(DType.F32, kv * capacity * DIM);
        operations.put("append", () -> device.append(keys, values, qkv, dqkv, TIME, 0, capacity, kv, DIM));
        operations.put("attend", () -> device.attend(out, dout, keys, values, 4, TIME, capacity, HEADS, kv, DIM));
    }

    private void optimiser() {
        int n = 100_003;
        Buffer p = normal(n), g = normal(n), m = normal(n), v = device.allocate(DType.F32, n);
        made.add(v);
        operations.put("adamW", () -> device.adamW(p, g, m, v, n, 1e-3, 0.9, 0.95, 1e-8, 0.1, 0.5, 3));
        operations.put("squares", () -> squares += device.sumOfSquares(p, n));
    }
}
