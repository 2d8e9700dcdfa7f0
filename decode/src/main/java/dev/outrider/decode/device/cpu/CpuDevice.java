package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.Checks.at;
import static dev.outrider.decode.device.Checks.floats;
import static dev.outrider.decode.device.Checks.spaced;
import static dev.outrider.decode.device.Checks.weights;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Gelu;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Checks;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.Layout;
import dev.outrider.decode.device.Precision;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The cpu as a {@link Device}: Vector API kernels over native memory and OpenBLAS for large products, both
 * on one team of threads. Here buffers are checked (type, length, ids, positions) and become addresses;
 * the kernels, one family a file, see addresses only. (Long because the contract is: an operation is a few lines here.)
 *
 * <p>A process that also uses ND4J should make its first CpuDevice before it touches ND4J: OpenBLAS is
 * loaded once, and only before that can a wrong core type in the environment be mended.
 */
public final class CpuDevice implements Device {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final Threads threads;
    private final Memory memory = new Memory();
    private final Scratch[] scratch;
    private final Scratch own = new Scratch(memory);
    private final Map<Long, MemorySegment> mapped = new HashMap<>();
    private double[] partial = {};
    private SelfAttention attention;
    private final BatchAttention batchAttention = new BatchAttention();
    /** Null: large products are in F32. */
    private final MixedGemm mixed;

    private final TileProduct tiled;

    /** Loads OpenBLAS as this device needs it: to be called before other libraries that rest on it (OpenCV) load it. */
    public static void loadOpenBlas() {
        // Before ND4J, whose loader then finds it as it should be.
        Loading.of(() -> OpenBlas.oneThread());
    }

    /** @throws dev.outrider.checkpoints.Failure (machine) where this machine has no devices of this precision */
    public static void require(Precision precision) {
        if (precision == Precision.F32) return;
        CoreType.requireBf16();
        Loading.of(() -> OneDnn.oneThread());
    }

    /** All processors. */
    public CpuDevice() {
        this(Runtime.getRuntime().availableProcessors());
    }

    /** @param threads that work on an operation, the caller among them */
    public CpuDevice(int threads) {
        this(threads, Precision.F32);
    }

    /**
     * @param threads that work on an operation, the caller among them
     * @param precision of products of more than {@link Device#INVARIANT_ROWS} rows, and of gradients of products
     * @throws dev.outrider.checkpoints.Failure (machine) where the CPU cannot multiply BF16, or oneDNN is not there
     */
    public CpuDevice(int threads, Precision precision) {
        this(threads, precision, true);
    }

    private CpuDevice(int threads, Precision precision, boolean openBlas) {
        if (openBlas) loadOpenBlas();
        require(precision);
        this.threads = new Threads(threads);
        scratch = new Scratch[threads];
        for (int i = 0; i < threads; i++) scratch[i] = new Scratch(memory);
        tiled = new TileProduct(this.threads, memory);
        mixed = precision == Precision.BF16 ? new MixedGemm(this.threads, memory) : null;
    }

    /**
     * A device for finished models in a process that does without ND4J: OpenBLAS, which takes long to load, is loaded when a
     * product first needs it.
     */
    public static CpuDevice decoding(int threads) {
        return new CpuDevice(threads, Precision.F32, false);
    }

    /** The team, for kernels of other modules that work on the same memory. */
    public Threads threads() {
        return threads;
    }

    /** Large products of a device of {@link Precision#BF16}. */
    MixedGemm mixed() {
        return mixed;
    }

    @Override
    public String name() {
        return "cpu: " + threads.count() + " threads, " + 32 * Lanes.LANES + "-bit vectors, OpenBLAS " + OpenBlas.CORE
                + (mixed == null ? "" : ", large products in BF16 by oneDNN");
    }

    // ---- memory -------------------------------------------------------------------------------

    @Override
    public Buffer allocate(DType type, long elements) {
        return allocate(type, elements, Layout.ROWS);
    }

    Buffer allocate(DType type, long elements, Layout layout) {
        if (elements < 0) throw new IllegalArgumentException(elements + " elements");
        return new Buffer(type, memory.allocate(layout.bytes(type, elements)), elements, layout);
    }

    @Override
    public void free(Buffer buffer) {
        if (mapped.remove(buffer.address()) == null) memory.free(buffer.address());
    }

    @Override
    public Buffer hold(Tensor tensor) {
        boolean half = tensor.dtype() == DType.BF16 || tensor.dtype() == DType.F16;
        return inRows(tensor, half ? tensor.dtype() : DType.F32);
    }

    @Override
    public Buffer hold(Tensor tensor, DType as) {
        boolean tiled = tensor.shape().length == 2 && Tiles.hold(tensor.shape()[1]);
        if (as == DType.I8 && !tiled) throw new IllegalArgumentException(tensor.name() + ": rows are not whole groups");
        return tiled ? Converted.tiles(this, tensor, as) : inRows(tensor, as);
    }

    private Buffer inRows(Tensor tensor, DType as) {
        if (as != tensor.dtype()) return Converted.rows(this, tensor, as);
        if (tensor.data().isNative() && tensor.data().address() % as.bytes == 0) return inPlace(tensor);
        Buffer copy = allocate(as, tensor.elements());
        MemorySegment.copy(tensor.data(), 0, Lanes.ALL, copy.address(), copy.bytes());
        return copy;
    }

    private Buffer inPlace(Tensor tensor) {
        mapped.put(tensor.data().address(), tensor.data());
        return new Buffer(tensor.dtype(), tensor.data().address(), tensor.elements());
    }

    @Override
    public void upload(float[] from, int offset, Buffer to, int count) {
        Objects.checkFromIndexSize(offset, count, from.length);
        MemorySegment.copy(from, offset, Lanes.ALL, FLOAT, floats(to, count), count);
    }

    @Override
    public void download(Buffer from, float[] to, int offset, int count) {
        Objects.checkFromIndexSize(offset, count, to.length);
        MemorySegment.copy(Lanes.ALL, FLOAT, floats(from, count), to, offset, count);
    }

    @Override
    public void copy(Buffer from, Buffer to, long elements) {
        Checks.alike(from, to);
        long bytes = from.layout().bytes(from.type(), elements);
        Elementwise.copy(threads, at(from, elements), at(to, elements), bytes);
    }

    @Override
    public void zero(Buffer x, long elements) {
        Elementwise.zero(threads, at(x, elements), x.layout().bytes(x.type(), elements));
    }

    /** Weights [out, in], in rows or tiles. */
    private static long matrix(Buffer buffer, long out, int in) {
        return buffer.layout() instanceof Layout.Tiles tiles
                ? Checks.arranged(buffer, tiles.inputs(), out, in)
                : weights(buffer, out * in);
    }

    /** Weights as floats: themselves, or converted into the device's own scratch. */
    private long widened(Buffer buffer, int elements) {
        long address = weights(buffer, elements);
        if (buffer.type() == DType.F32) return address;
        long copy = own.floats(elements);
        Gemm.widenRow(buffer.type(), copy, address, elements);
        return copy;
    }

    /** Rows of x as a product with tiles of this type takes them, in the device's own scratch. */
    private long rounded(DType type, long x, int rows, int in) {
        if (type == DType.F32) return x;
        long copy = own.floats((long) rows * in);
        tiled.widened(type, x, rows, in, copy);
        return copy;
    }

    // ---- forward ------------------------------------------------------------------------------

    @Override
    public void embed(Buffer out, Buffer table, int[] ids, int offset, int rows, int channels) {
        Checks.ids(table, ids, offset, rows, channels);
        matrix(table, 0, channels);
        Embedding.forward(threads, floats(out, (long) rows * channels), table, ids, offset, rows, channels);
    }

    @Override
    public void rmsNorm(Buffer y, Buffer x, Buffer gain, int rows, int channels, float eps) {
        long n = (long) rows * channels;
        Norm.forward(threads, floats(y, n), floats(x, n), widened(gain, channels), rows, channels, eps);
    }

    @Override
    public void linear(Buffer y, Buffer x, Buffer w, int rows, int in, int out, float beta) {
        long c = floats(y, (long) rows * out), a = floats(x, (long) rows * in), b = matrix(w, out, in);
        boolean few = rows <= INVARIANT_ROWS;
        if (w.layout() instanceof Layout.Tiles tiles) {
            if (few || tiled.takesMany(w.type(), in)) tiled.linear(y, x, w, tiles, rows, out, beta);
            else Gemm.ntTiled(threads, scratch, c, rounded(w.type(), a, rows, in), w, tiles, rows, out, beta);
        } else if (few) SkinnyProduct.linear(threads, y, x, w, rows, in, out, beta);
        else if (mixed != null && w.type() != DType.F16) {
            var weights = new MixedGemm.Factor(w.type(), b);
            mixed.product(false, true, c, MixedGemm.Factor.f32(a), weights, rows, out, in, beta != 0);
        } else if (w.type() == DType.F32) Gemm.nt(threads, c, out, a, in, b, in, rows, out, in, beta);
        else Gemm.ntWidened(threads, scratch, w.type(), c, a, b, rows, out, in, beta);
    }

    @Override
    public void linearEach(List<Buffer> y, Buffer x, List<Buffer> w, int rows, int in) {
        DType type = w.getFirst().type();
        Layout layout = w.getFirst().layout();
        boolean alike = layout instanceof Layout.Tiles && (rows <= INVARIANT_ROWS || tiled.takesMany(type, in));
        for (int i = 0; i < w.size(); i++)
            alike &= w.get(i).type() == type && w.get(i).layout().equals(layout);
        if (!alike) Device.super.linearEach(y, x, w, rows, in);
        else {
            floats(x, (long) rows * in);
            for (int i = 0; i < w.size(); i++) {
                long out = w.get(i).elements() / in;
                matrix(w.get(i), out, in);
                floats(y.get(i), rows * out);
            }
            tiled.linear(y, x, w, (Layout.Tiles) layout, rows);
        }
    }

    @Override
    public void addBias(Buffer y, Buffer bias, int rows, int channels) {
        long n = (long) rows * channels;
        Elementwise.addBias(threads, floats(y, n), widened(bias, channels), rows, channels);
    }

    @Override
    public void add(Buffer y, Buffer x, long elements) {
        Elementwise.add(threads, floats(y, elements), floats(x, elements), elements);
    }

    @Override
    public void scale(Buffer y, float factor, long elements) {
        Elementwise.scale(threads, floats(y, elements), factor, elements);
    }

    @Override
    public void dropout(Buffer x, long elements, double share, long seed) {
        Dropout.apply(threads, floats(x, elements), elements, share, seed);
    }

    @Override
    public void rope(
            Buffer x,
            int rows,
            int stride,
            int heads,
            int headDim,
            Buffer table,
            int positions,
            int first,
            int period,
            boolean inverse) {
        if (rows == 0) return;
        Objects.checkFromIndexSize(first, Math.min(rows, period), positions);
        long rotated = floats(x, (rows - 1L) * stride + (long) heads * headDim);
        long angles = floats(table, (long) positions * headDim);
        float sign = inverse ? -1 : 1;
        Rotary.rotate(threads, rotated, rows, stride, heads, headDim, angles, positions, first, period, sign);
    }

    @Override
    public void attend(
            Buffer out,
            Buffer q,
            Buffer keys,
            Buffer values,
            int rows,
            int context,
            int capacity,
            int heads,
            int kvHeads,
            int headDim) {
        long n = (long) rows * heads * headDim, cached = (long) kvHeads * capacity * headDim;
        floats(out, n);
        floats(q, n);
        floats(keys, cached);
        floats(values, cached);
        Checks.blocks(capacity);
        Objects.checkFromIndexSize(context - rows, rows, capacity);
        CachedAttention.attend(threads, out, q, keys, values, rows, context, capacity, heads, kvHeads, headDim);
    }

    @Override
    public void append(
            Buffer keys,
            Buffer values,
            Buffer newKeys,
            Buffer newValues,
            int count,
            int first,
            int capacity,
            int kvHeads,
            int headDim) {
        Checks.blocks(capacity);
        Objects.checkFromIndexSize(first, count, capacity);
        long cached = (long) kvHeads * capacity * headDim, n = (long) count * kvHeads * headDim;
        long k = floats(keys, cached), v = floats(values, cached);
        CachedAttention.append(
                k, v, floats(newKeys, n), floats(newValues, n), count, first, capacity, kvHeads, headDim);
    }

    @Override
    public void ropeEach(Buffer x, int rows, int heads, int headDim, Buffer table, int positions, int[] position) {
        for (int r = 0; r < rows; r++) Objects.checkIndex(position[r], positions);
        long rotated = floats(x, (long) rows * heads * headDim), angles = floats(table, (long) positions * headDim);
        Rotary.rotateEach(rotated, rows, heads, headDim, angles, positions, position);
    }

    @Override
    public void appendEach(
            Buffer keys,
            Buffer values,
            Buffer newKeys,
            Buffer newValues,
            int count,
            int[] entry,
            int capacity,
            int kvHeads,
            int headDim) {
        Checks.blocks(capacity);
        for (int r = 0; r < count; r++) if (entry[r] >= 0) Objects.checkIndex(entry[r], capacity);
        long n = (long) count * kvHeads * headDim, k = floats(keys, n * capacity), v = floats(values, n * capacity);
        BatchAttention.append(k, v, floats(newKeys, n), floats(newValues, n), count, entry, capacity, kvHeads, headDim);
    }

    @Override
    public void attendEach(
            Buffer out,
            Buffer q,
            Buffer keys,
            Buffer values,
            int rows,
            int[] context,
            int capacity,
            int heads,
            int kvHeads,
            int headDim) {
        long n = (long) rows * heads * headDim, cached = (long) rows * kvHeads * capacity * headDim;
        Checks.blocks(capacity);
        for (int r = 0; r < rows; r++) Objects.checkIndex(context[r], capacity + 1);
        batchAttention.memory(floats(out, n), floats(q, n), floats(keys, cached), floats(values, cached));
        batchAttention.attend(threads, rows, context, capacity, heads, kvHeads, headDim);
    }

    @Override
    public void layerNorm(Buffer y, Buffer x, Buffer gain, Buffer bias, int rows, int channels, float eps) {
        long n = (long) rows * channels, gains = floats(gain, channels), biases = floats(bias, channels);
        LayerNorm.forward(threads, floats(y, n), floats(x, n), gains, biases, rows, channels, eps);
    }

    @Override
    public void gelu(Gelu form, Buffer y, Buffer x, long elements) {
        GeluRows.forward(threads, form, floats(y, elements), floats(x, elements), elements);
    }

    @Override
    public void swiglu(Buffer y, Buffer gate, Buffer up, int rows, int stride, int width) {
        long n = spaced(rows, stride, width);
        long out = floats(y, (long) rows * width);
        SwiGlu.forward(threads, out, floats(gate, n), floats(up, n), rows, stride, width);
    }

    // ---- training -----------------------------------------------------------------------------

    @Override
    public void linearInputGradient(Buffer dx, Buffer dy, Buffer w, int rows, int in, int out, float beta) {
        long c = floats(dx, (long) rows * in), a = floats(dy, (long) rows * out), b = floats(w, (long) out * in);
        if (mixed == null) Gemm.nn(threads, c, in, a, out, b, in, rows, in, out, beta);
        else mixed.product(false, false, c, MixedGemm.Factor.f32(a), MixedGemm.Factor.f32(b), rows, in, out, beta != 0);
    }

    @Override
    public void linearWeightGradient(Buffer dw, Buffer dy, Buffer x, int rows, int in, int out, float beta) {
        long c = floats(dw, (long) out * in), a = floats(dy, (long) rows * out), b = floats(x, (long) rows * in);
        if (mixed == null) Gemm.tn(threads, c, in, a, out, b, in, out, in, rows, beta);
        else mixed.product(true, false, c, MixedGemm.Factor.f32(a), MixedGemm.Factor.f32(b), out, in, rows, beta != 0);
    }

    @Override
    public void addBiasGradient(Buffer db, Buffer dy, int rows, int channels) {
        long n = (long) rows * channels;
        Elementwise.addBiasGradient(threads, floats(db, channels), floats(dy, n), rows, channels);
    }

    @Override
    public void rmsNormGradient(
            Buffer dx, Buffer dgain, Buffer dy, Buffer x, Buffer gain, int rows, int channels, float eps) {
        long n = (long) rows * channels, scales = own.floats(rows);
        long gains = floats(gain, channels), dgains = floats(dgain, channels);
        long dxs = floats(dx, n), dys = floats(dy, n), xs = floats(x, n);
        Norm.gradient(threads, dxs, dgains, dys, xs, gains, scales, rows, channels, eps);
    }

    @Override
    public void layerNormGradient(
            Buffer dx,
            Buffer dgain,
            Buffer dbias,
            Buffer dy,
            Buffer x,
            Buffer gain,
            int rows,
            int channels,
            float eps) {
        long n = (long) rows * channels, kept = own.floats(2 * rows);
        long gains = floats(gain, channels), dgains = floats(dgain, channels), dbiases = floats(dbias, channels);
        long dxs = floats(dx, n), dys = floats(dy, n), xs = floats(x, n);
        LayerNorm.gradient(threads, dxs, dgains, dbiases, dys, xs, gains, kept, rows, channels, eps);
    }

    @Override
    public void geluGradient(Gelu form, Buffer dx, Buffer dy, Buffer x, long elements) {
        GeluRows.gradient(threads, form, floats(dx, elements), floats(dy, elements), floats(x, elements), elements);
    }

    @Override
    public void selfAttention(
            Buffer out,
            Buffer logSum,
            Buffer qkv,
            int batch,
            int time,
            int heads,
            int kvHeads,
            int headDim,
            boolean causal) {
        long tokens = (long) batch * time, logs = floats(logSum, tokens * heads);
        long o = floats(out, tokens * heads * headDim), x = floats(qkv, tokens * (heads + 2L * kvHeads) * headDim);
        attention(batch, time, heads, kvHeads, headDim, causal).forward(threads, scratch, o, logs, x);
    }

    @Override
    public void selfAttentionGradient(
            Buffer dqkv,
            Buffer dout,
            Buffer out,
            Buffer logSum,
            Buffer qkv,
            int batch,
            int time,
            int heads,
            int kvHeads,
            int headDim,
            boolean causal) {
        long tokens = (long) batch * time, fused = tokens * (heads + 2L * kvHeads) * headDim;
        long n = tokens * heads * headDim, logs = floats(logSum, tokens * heads);
        long dx = floats(dqkv, fused), x = floats(qkv, fused), dy = floats(dout, n), y = floats(out, n);
        attention(batch, time, heads, kvHeads, headDim, causal).gradient(threads, scratch, dx, dy, y, logs, x);
    }

    private SelfAttention attention(int batch, int time, int heads, int kvHeads, int headDim, boolean causal) {
        if (attention == null || !attention.is(batch, time, heads, kvHeads, headDim, causal)) {
            attention = new SelfAttention(batch, time, heads, kvHeads, headDim, causal);
        }
        return attention;
    }

    @Override
    public void swigluGradient(
            Buffer dgate, Buffer dup, Buffer dy, Buffer gate, Buffer up, int rows, int stride, int width) {
        long n = spaced(rows, stride, width), d = floats(dy, (long) rows * width);
        long dg = floats(dgate, n), du = floats(dup, n), g = floats(gate, n), u = floats(up, n);
        SwiGlu.gradient(threads, dg, du, d, g, u, rows, stride, width);
    }

    @Override
    public void embedGradient(Buffer dtable, Buffer dy, int[] ids, int offset, int rows, int channels) {
        Checks.ids(dtable, ids, offset, rows, channels);
        long d = floats(dtable, 0), y = floats(dy, (long) rows * channels);
        Embedding.gradient(threads, d, y, ids, offset, rows, channels);
    }

    @Override
    public double sumOfSquares(Buffer x, long elements) {
        int chunks = Elementwise.chunks(elements);
        if (partial.length < chunks) partial = new double[chunks];
        return Elementwise.sumOfSquares(threads, floats(x, elements), elements, partial);
    }

    @Override
    public void adamW(
            Buffer p,
            Buffer g,
            Buffer m,
            Buffer v,
            long elements,
            double rate,
            double beta1,
            double beta2,
            double eps,
            double decay,
            double gradientScale,
            long step) {
        long weights = floats(p, elements), gradients = floats(g, elements);
        AdamW.step(rate, beta1, beta2, eps, decay, gradientScale, step)
                .update(threads, weights, gradients, floats(m, elements), floats(v, elements), elements);
    }

    @Override
    public void close() {
        threads.close();
        if (mixed != null) mixed.close();
        memory.close();
        mapped.clear();
    }
}
