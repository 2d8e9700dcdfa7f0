package dev.outrider.decode.device.cuda;

import static dev.outrider.decode.device.Checks.at;
import static dev.outrider.decode.device.Checks.floats;
import static dev.outrider.decode.device.Checks.spaced;
import static dev.outrider.decode.device.Checks.weights;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Gelu;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.AdamWStep;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Checks;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.Layout;
import dev.outrider.decode.device.Precision;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * A GPU of NVIDIA's as a {@link Device}: kernels of our own, compiled for the card when first used. Here buffers are checked
 * as on the cpu and become addresses; work goes to one stream, and only {@link #download} and {@link #sumOfSquares} wait
 * for it. Every result is the same in every run: nothing is added in an order that the card chooses.
 */
public final class CudaDevice implements Device {
    private final CudaContext context;
    private final Optional<CublasLt> blas;
    private final Scratch scratch;
    private final Rowwise rowwise;
    private final Products products;
    private final Attention attention;
    private final Training training;
    private final Set<Long> owned = new HashSet<>();

    private CudaDevice(CudaContext context, Kernels kernels, Optional<CublasLt> blas, Precision precision) {
        this.context = context;
        this.blas = blas;
        scratch = new Scratch(context);
        rowwise = new Rowwise(kernels);
        products = new Products(context, kernels, rowwise, scratch, blas, precision);
        attention = new Attention(kernels, scratch);
        training = new Training(context, kernels, scratch);
    }

    /**
     * A card of this machine.
     *
     * @throws dev.outrider.checkpoints.Failure (machine) where the driver, NVRTC or the card is not there
     */
    public static CudaDevice open(CudaLibraries libraries, int ordinal) {
        return open(libraries, ordinal, Precision.F32);
    }

    /**
     * As {@link #open(CudaLibraries, int)}.
     *
     * @param precision of products of more than {@link Device#INVARIANT_ROWS} rows, and of gradients of products; BF16
     *     needs cuBLASLt
     */
    public static CudaDevice open(CudaLibraries libraries, int ordinal, Precision precision) {
        return open(libraries, ordinal, precision, KernelCache.folder());
    }

    /** @param kernels folder of what was compiled */
    static CudaDevice open(CudaLibraries libraries, int ordinal, Precision precision, Path kernels) {
        CudaDriver driver = CudaDriver.of(libraries.driver());
        Nvrtc compiler = Nvrtc.of(libraries.nvrtc());
        KernelCache cache = new KernelCache(kernels, compiler);
        boolean blas = libraries.result(CudaLibraries.Part.CUBLASLT) instanceof CudaLibraries.Found;
        CudaContext context = driver.context(ordinal);
        try {
            Optional<CublasLt> products = blas ? Optional.of(CublasLt.of(libraries.blas(), context)) : Optional.empty();
            return of(context, Kernels.forCard(cache, compiler.architectures()), products, precision);
        } catch (RuntimeException e) {
            context.close();
            throw e;
        }
    }

    /** On a context, which is closed with the device. */
    static CudaDevice of(CudaContext context, Kernels.Compiler compiler, Optional<CublasLt> blas, Precision precision) {
        return new CudaDevice(context, new Kernels(context, compiler), blas, precision);
    }

    @Override
    public String name() {
        CudaCard card = context.card();
        String products = blas.map(b -> "cuBLASLt " + b.version()).orElse("no cuBLASLt");
        return "cuda: " + card.name() + ", " + card.arch() + ", " + card.multiprocessors() + " multiprocessors, "
                + products;
    }

    // ---- memory -------------------------------------------------------------------------------

    @Override
    public Buffer allocate(DType type, long elements) {
        return allocate(type, elements, Layout.ROWS);
    }

    /** Of the card's memory, what nobody has. */
    public long freeBytes() {
        return context.freeBytes();
    }

    private Buffer allocate(DType type, long elements, Layout layout) {
        if (elements < 0) throw new IllegalArgumentException(elements + " elements");
        long bytes = layout.bytes(type, elements), address = context.allocate(bytes);
        owned.add(address);
        context.zero(address, bytes);
        return new Buffer(type, address, elements, layout);
    }

    @Override
    public void free(Buffer buffer) {
        if (owned.remove(buffer.address())) context.free(buffer.address());
    }

    @Override
    public Buffer hold(Tensor tensor) {
        boolean half = tensor.dtype() == DType.BF16 || tensor.dtype() == DType.F16;
        return rows(tensor, half ? tensor.dtype() : DType.F32);
    }

    @Override
    public Buffer hold(Tensor tensor, DType as) {
        if (as != DType.I8) return rows(tensor, as);
        boolean groups = tensor.shape().length == 2 && tensor.shape()[1] % Buffer.GROUP == 0;
        if (!groups) throw new IllegalArgumentException(tensor.name() + ": rows are not whole groups");
        Layout.Bands layout = new Layout.Bands(Math.toIntExact(tensor.shape()[1]));
        return filled(allocate(as, tensor.elements(), layout), to -> Weights.bands(context, tensor, to, layout));
    }

    private Buffer rows(Tensor tensor, DType as) {
        return filled(allocate(as, tensor.elements()), to -> Weights.rows(context, tensor, to));
    }

    // Frees it again where it cannot be filled.
    private Buffer filled(Buffer buffer, Consumer<Buffer> fill) {
        try {
            fill.accept(buffer);
            return buffer;
        } catch (RuntimeException e) {
            free(buffer);
            throw e;
        }
    }

    @Override
    public void upload(float[] from, int offset, Buffer to, int count) {
        Objects.checkFromIndexSize(offset, count, from.length);
        context.upload(MemorySegment.ofArray(from).asSlice(4L * offset, 4L * count), floats(to, count), 4L * count);
    }

    @Override
    public void download(Buffer from, float[] to, int offset, int count) {
        Objects.checkFromIndexSize(offset, count, to.length);
        context.download(floats(from, count), MemorySegment.ofArray(to).asSlice(4L * offset, 4L * count), 4L * count);
    }

    @Override
    public void copy(Buffer from, Buffer to, long elements) {
        Checks.alike(from, to);
        context.copy(at(from, elements), at(to, elements), from.layout().bytes(from.type(), elements));
    }

    @Override
    public void zero(Buffer x, long elements) {
        context.zero(at(x, elements), x.layout().bytes(x.type(), elements));
    }

    /** Weights [out, in], in rows or bands. */
    private static void matrix(Buffer buffer, long out, int in) {
        if (buffer.layout() instanceof Layout.Bands bands) Checks.arranged(buffer, bands.inputs(), out, in);
        else weights(buffer, out * in);
    }

    // ---- forward ------------------------------------------------------------------------------

    @Override
    public void embed(Buffer out, Buffer table, int[] ids, int offset, int rows, int channels) {
        Checks.ids(table, ids, offset, rows, channels);
        matrix(table, 0, channels);
        long to = floats(out, (long) rows * channels);
        if (rows > 0) rowwise.embed(to, table, scratch.ints(Scratch.Numbers.IDS, ids, offset, rows), rows, channels);
    }

    @Override
    public void rmsNorm(Buffer y, Buffer x, Buffer gain, int rows, int channels, float eps) {
        long n = (long) rows * channels;
        weights(gain, channels);
        rowwise.rmsNorm(floats(y, n), floats(x, n), gain, rows, channels, eps);
    }

    @Override
    public void linear(Buffer y, Buffer x, Buffer w, int rows, int in, int out, float beta) {
        matrix(w, out, in);
        products.linear(floats(y, (long) rows * out), floats(x, (long) rows * in), w, rows, in, out, beta);
    }

    @Override
    public void addBias(Buffer y, Buffer bias, int rows, int channels) {
        weights(bias, channels);
        rowwise.addBias(floats(y, (long) rows * channels), bias, rows, channels);
    }

    @Override
    public void add(Buffer y, Buffer x, long elements) {
        rowwise.add(floats(y, elements), floats(x, elements), elements);
    }

    @Override
    public void scale(Buffer y, float factor, long elements) {
        rowwise.scale(floats(y, elements), factor, elements);
    }

    @Override
    public void dropout(Buffer x, long elements, double share, long seed) {
        rowwise.dropout(floats(x, elements), elements, share, seed);
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
        long rotated = floats(x, spaced(rows, stride, heads * headDim));
        long angles = floats(table, (long) positions * headDim);
        rowwise.rope(rotated, rows, stride, heads, headDim, angles, positions, 0, first, period, inverse ? -1 : 1);
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
        long to = floats(out, n), from = floats(q, n), k = floats(keys, cached), v = floats(values, cached);
        Checks.blocks(capacity);
        Objects.checkFromIndexSize(context - rows, rows, capacity);
        attention.attend(to, from, new Attention.Caches(k, v, capacity, heads, kvHeads, headDim), rows, context - rows);
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
        attention.append(k, v, floats(newKeys, n), floats(newValues, n), count, 0, first, capacity, kvHeads, headDim);
    }

    @Override
    public void ropeEach(Buffer x, int rows, int heads, int headDim, Buffer table, int positions, int[] position) {
        for (int r = 0; r < rows; r++) Objects.checkIndex(position[r], positions);
        long rotated = floats(x, (long) rows * heads * headDim), angles = floats(table, (long) positions * headDim);
        if (rows == 0) return;
        long each = scratch.ints(Scratch.Numbers.POSITIONS, position, 0, rows);
        rowwise.rope(rotated, rows, heads * headDim, heads, headDim, angles, positions, each, 0, 1, 1);
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
        long newK = floats(newKeys, n), newV = floats(newValues, n);
        if (count == 0) return;
        long entries = scratch.ints(Scratch.Numbers.ENTRIES, entry, 0, count);
        attention.append(k, v, newK, newV, count, entries, 0, capacity, kvHeads, headDim);
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
        int longest = 0;
        for (int r = 0; r < rows; r++) longest = Math.max(longest, Objects.checkIndex(context[r], capacity + 1));
        long to = floats(out, n), from = floats(q, n), k = floats(keys, cached), v = floats(values, cached);
        if (rows == 0) return;
        long contexts = scratch.ints(Scratch.Numbers.CONTEXTS, context, 0, rows);
        Attention.Caches caches = new Attention.Caches(k, v, capacity, heads, kvHeads, headDim);
        attention.attendEach(to, from, caches, rows, contexts, longest);
    }

    @Override
    public void layerNorm(Buffer y, Buffer x, Buffer gain, Buffer bias, int rows, int channels, float eps) {
        long n = (long) rows * channels, gains = floats(gain, channels), biases = floats(bias, channels);
        rowwise.layerNorm(floats(y, n), floats(x, n), gains, biases, rows, channels, eps);
    }

    @Override
    public void gelu(Gelu form, Buffer y, Buffer x, long elements) {
        rowwise.gelu(form, floats(y, elements), floats(x, elements), elements);
    }

    @Override
    public void swiglu(Buffer y, Buffer gate, Buffer up, int rows, int stride, int width) {
        long n = spaced(rows, stride, width), out = floats(y, (long) rows * width);
        rowwise.swiglu(out, floats(gate, n), floats(up, n), rows, stride, width);
    }

    // ---- training -----------------------------------------------------------------------------

    @Override
    public void linearInputGradient(Buffer dx, Buffer dy, Buffer w, int rows, int in, int out, float beta) {
        long c = floats(dx, (long) rows * in), a = floats(dy, (long) rows * out), b = floats(w, (long) out * in);
        products.inputGradient(c, a, b, rows, in, out, beta);
    }

    @Override
    public void linearWeightGradient(Buffer dw, Buffer dy, Buffer x, int rows, int in, int out, float beta) {
        long c = floats(dw, (long) out * in), a = floats(dy, (long) rows * out), b = floats(x, (long) rows * in);
        products.weightGradient(c, a, b, rows, in, out, beta);
    }

    @Override
    public void addBiasGradient(Buffer db, Buffer dy, int rows, int channels) {
        training.addBiasGradient(floats(db, channels), floats(dy, (long) rows * channels), rows, channels);
    }

    @Override
    public void rmsNormGradient(
            Buffer dx, Buffer dgain, Buffer dy, Buffer x, Buffer gain, int rows, int channels, float eps) {
        long n = (long) rows * channels, gains = floats(gain, channels), dgains = floats(dgain, channels);
        training.rmsNormGradient(floats(dx, n), dgains, floats(dy, n), floats(x, n), gains, rows, channels, eps);
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
        long n = (long) rows * channels, gains = floats(gain, channels);
        long dgains = floats(dgain, channels), dbiases = floats(dbias, channels);
        long dxs = floats(dx, n), dys = floats(dy, n), xs = floats(x, n);
        training.layerNormGradient(dxs, dgains, dbiases, dys, xs, gains, rows, channels, eps);
    }

    @Override
    public void geluGradient(Gelu form, Buffer dx, Buffer dy, Buffer x, long elements) {
        training.geluGradient(form, floats(dx, elements), floats(dy, elements), floats(x, elements), elements);
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
        attention.forward(o, logs, x, new Attention.Shape(batch, time, heads, kvHeads, headDim, causal));
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
        attention.gradient(dx, dy, y, logs, x, new Attention.Shape(batch, time, heads, kvHeads, headDim, causal));
    }

    @Override
    public void swigluGradient(
            Buffer dgate, Buffer dup, Buffer dy, Buffer gate, Buffer up, int rows, int stride, int width) {
        long n = spaced(rows, stride, width), d = floats(dy, (long) rows * width);
        long dg = floats(dgate, n), du = floats(dup, n), g = floats(gate, n), u = floats(up, n);
        training.swigluGradient(dg, du, d, g, u, rows, stride, width);
    }

    @Override
    public void embedGradient(Buffer dtable, Buffer dy, int[] ids, int offset, int rows, int channels) {
        Checks.ids(dtable, ids, offset, rows, channels);
        training.embedGradient(floats(dtable, 0), floats(dy, (long) rows * channels), ids, offset, rows, channels);
    }

    @Override
    public double sumOfSquares(Buffer x, long elements) {
        return training.sumOfSquares(floats(x, elements), elements);
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
        training.adamW(
                AdamWStep.of(rate, beta1, beta2, eps, decay, gradientScale, step),
                weights,
                gradients,
                floats(m, elements),
                floats(v, elements),
                elements);
    }

    @Override
    public void close() {
        context.close();
    }
}
