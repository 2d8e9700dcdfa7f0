package dev.outrider.decode.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.cuda.ptx.PtxFault;
import dev.outrider.decode.device.cuda.ptx.PtxMachine;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Kernels that NVRTC made of CUDA C++, for several cards, run by PtxMachine and held against Java. */
class PtxKernelsTest {
    private static final int[] CARDS = {75, 80, 90, 100, 120};
    private final Arena arena = Arena.ofShared();

    @AfterEach
    void close() {
        arena.close();
    }

    /** The source, compiled by every compiler at hand for every card from that capability on. */
    private static void everywhere(int from, String source, BiConsumer<PtxMachine, Long> body) {
        for (Nvrtc nvrtc : Nvrtcs.all()) {
            int[] known = nvrtc.architectures();
            for (int card : CARDS) {
                if (card < from || Arrays.stream(known).noneMatch(k -> k == card)) continue;
                String ptx = nvrtc.ptx(source, "test.cu", "compute_" + card, List.of());
                for (long seed = 0; seed < 3; seed++) {
                    PtxMachine machine = PtxMachine.of(ptx).seed(seed).races(true);
                    try {
                        body.accept(machine, seed);
                    } catch (RuntimeException | AssertionError e) {
                        throw new AssertionError(
                                "NVRTC " + nvrtc.versionText() + ", compute_" + card + ", seed " + seed + ": " + e, e);
                    }
                }
            }
        }
    }

    private MemorySegment floats(PtxMachine machine, float... values) {
        MemorySegment memory = arena.allocate(4L * values.length, 256);
        MemorySegment.copy(values, 0, memory, ValueLayout.JAVA_FLOAT, 0, values.length);
        machine.memory(memory.address(), memory.byteSize());
        return memory;
    }

    private MemorySegment ints(PtxMachine machine, int... values) {
        MemorySegment memory = arena.allocate(4L * values.length, 256);
        MemorySegment.copy(values, 0, memory, ValueLayout.JAVA_INT, 0, values.length);
        machine.memory(memory.address(), memory.byteSize());
        return memory;
    }

    private static float at(MemorySegment memory, long i) {
        return memory.getAtIndex(ValueLayout.JAVA_FLOAT, i);
    }

    @Test
    void sumOfABlockByShuffles() {
        String source = """
                extern "C" __global__ void sum(const float* x, float* out, int n) {
                    __shared__ float warps[32];
                    float s = 0;
                    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) s += x[i];
                    for (int o = 16; o; o >>= 1) s += __shfl_xor_sync(~0u, s, o);
                    if ((threadIdx.x & 31) == 0) warps[threadIdx.x >> 5] = s;
                    __syncthreads();
                    if (threadIdx.x >= 32) return;
                    s = threadIdx.x < blockDim.x / 32 ? warps[threadIdx.x] : 0.f;
                    for (int o = 16; o; o >>= 1) s += __shfl_down_sync(~0u, s, o);
                    if (threadIdx.x == 0) atomicAdd(out, s);
                }
                """;
        everywhere(75, source, (machine, seed) -> {
            float[] x = Seeds.normal(Seeds.generator(seed), 1000, 1);
            double sum = 0;
            for (float v : x) sum += v;
            MemorySegment out = floats(machine, 0);
            machine.launch("sum", 3, 128, 0, floats(machine, x).address(), out.address(), x.length);
            assertThat((double) at(out, 0)).isCloseTo(sum, within(1e-3));
        });
    }

    private static final String PRODUCT = """
            extern "C" __global__ void product(const float* a, const float* b, float* c, int n) {
                extern __shared__ float tiles[];
                float* left = tiles, *right = tiles + 8 * 9;
                int x = threadIdx.x, y = threadIdx.y, row = blockIdx.y * 8 + y, column = blockIdx.x * 8 + x;
                float s = 0;
                for (int k = 0; k < n; k += 8) {
                    left[y * 9 + x] = a[row * n + k + x];
                    right[y * 9 + x] = b[(k + y) * n + column];
                    __syncthreads();
                    for (int j = 0; j < 8; j++) s += left[y * 9 + j] * right[j * 9 + x];
                    BARRIER;
                }
                c[row * n + column] = s;
            }
            """;

    private void product(PtxMachine machine, long seed, int n) {
        float[] a = Seeds.normal(Seeds.generator(seed), n * n, 1),
                b = Seeds.normal(Seeds.generator(seed + 9), n * n, 1);
        MemorySegment c = floats(machine, new float[n * n]);
        MemorySegment parameters = arena.allocate(28, 8);
        parameters.setAtIndex(ValueLayout.JAVA_LONG, 0, floats(machine, a).address());
        parameters.setAtIndex(ValueLayout.JAVA_LONG, 1, floats(machine, b).address());
        parameters.setAtIndex(ValueLayout.JAVA_LONG, 2, c.address());
        parameters.set(ValueLayout.JAVA_INT, 24, n);
        machine.launch("product", new int[] {n / 8, n / 8, 1}, new int[] {8, 8, 1}, 2 * 8 * 9 * 4, parameters);
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                float s = 0;
                for (int k = 0; k < n; k++) s = Math.fma(a[i * n + k], b[k * n + j], s);
                assertThat(at(c, i * n + j)).isEqualTo(s);
            }
        }
    }

    /** To the bit: the compiler contracts to fused products. */
    @Test
    void productByTilesInDynamicSharedMemory() {
        everywhere(75, PRODUCT.replace("BARRIER", "__syncthreads()"), (machine, seed) -> product(machine, seed, 24));
    }

    @Test
    void productWithoutItsSecondBarrierIsARace() {
        everywhere(
                75,
                PRODUCT.replace("BARRIER", ""),
                (machine, seed) -> assertThatThrownBy(() -> product(machine, seed, 24))
                        .isInstanceOf(PtxFault.class)
                        .hasMessageContaining("race in shared memory"));
    }

    @Test
    void histogramByAtomics() {
        String source = """
                extern "C" __global__ void histogram(const int* x, int n, int* bins, unsigned long long* total) {
                    __shared__ int local[16];
                    if (threadIdx.x < 16) local[threadIdx.x] = 0;
                    __syncthreads();
                    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
                        atomicAdd(local + (x[i] & 15), 1);
                        atomicAdd(total, (unsigned long long) x[i]);
                    }
                    __syncthreads();
                    if (threadIdx.x < 16 && local[threadIdx.x]) atomicAdd(bins + threadIdx.x, local[threadIdx.x]);
                }
                """;
        everywhere(75, source, (machine, seed) -> {
            int[] x = Seeds.generator(seed).ints(777, 0, 1 << 30).toArray();
            int[] want = new int[16];
            for (int v : x) want[v & 15]++;
            MemorySegment bins = ints(machine, new int[16]), total = ints(machine, 0, 0);
            machine.launch(
                    "histogram", 4, 64, 0, ints(machine, x).address(), x.length, bins.address(), total.address());
            assertThat(bins.toArray(ValueLayout.JAVA_INT)).isEqualTo(want);
            assertThat(total.get(ValueLayout.JAVA_LONG, 0))
                    .isEqualTo(Arrays.stream(x).asLongStream().sum());
        });
    }

    /** C = A·B of 16 x 16 and 16 x 8: A from ldmatrix after cp.async, B from memory. */
    @Test
    void matrixFragmentsOfBf16() {
        String source = """
                extern "C" __global__ void mma(const unsigned short* a, const unsigned short* b, float* c) {
                    __shared__ __align__(16) unsigned short tile[16 * 16];
                    int lane = threadIdx.x, group = lane >> 2, t = lane & 3;
                    unsigned to = (unsigned) __cvta_generic_to_shared(tile + lane * 8);
                    asm volatile("cp.async.ca.shared.global [%0], [%1], 16;" :: "r"(to), "l"(a + lane * 8));
                    asm volatile("cp.async.commit_group;");
                    asm volatile("cp.async.wait_group 0;");
                    __syncwarp();
                    unsigned r[4], q[2];
                    unsigned from = (unsigned) __cvta_generic_to_shared(tile + (lane & 15) * 16 + (lane >> 4) * 8);
                    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                        : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(from));
                    for (int j = 0; j < 2; j++)
                        q[j] = b[(t * 2 + j * 8) * 8 + group] | (unsigned) b[(t * 2 + 1 + j * 8) * 8 + group] << 16;
                    float d[4] = {0, 0, 0, 0};
                    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3]), "r"(q[0]), "r"(q[1]));
                    for (int j = 0; j < 4; j++) c[(group + (j >> 1) * 8) * 8 + t * 2 + (j & 1)] = d[j];
                }
                """;
        everywhere(80, source, (machine, seed) -> {
            float[] a = Seeds.normal(Seeds.generator(seed), 256, 1),
                    b = Seeds.normal(Seeds.generator(seed + 9), 128, 1);
            MemorySegment c = floats(machine, new float[128]);
            machine.launch(
                    "mma",
                    1,
                    32,
                    0,
                    bf16(machine, a).address(),
                    bf16(machine, b).address(),
                    c.address());
            for (int i = 0; i < 16; i++) {
                for (int j = 0; j < 8; j++) {
                    double s = 0;
                    for (int k = 0; k < 16; k++) s += (double) a[i * 16 + k] * b[k * 8 + j];
                    assertThat((double) at(c, i * 8 + j)).as("%d, %d", i, j).isCloseTo(s, within(1e-5));
                }
            }
        });
    }

    /** The values' upper halves, in memory and in the array. */
    private MemorySegment bf16(PtxMachine machine, float[] values) {
        short[] bits = new short[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = (short) (Float.floatToRawIntBits(values[i]) >>> 16);
            values[i] = Float.intBitsToFloat(bits[i] << 16);
        }
        MemorySegment memory = arena.allocate(2L * bits.length, 256);
        MemorySegment.copy(bits, 0, memory, ValueLayout.JAVA_SHORT, 0, bits.length);
        machine.memory(memory.address(), memory.byteSize());
        return memory;
    }

    /** Every thread has its own number of rounds; a warp's vote in between of those that are still at it. */
    @Test
    void divergentLoop() {
        String source = """
                extern "C" __global__ void collatz(int* x, int* steps, int n) {
                    int i = blockIdx.x * blockDim.x + threadIdx.x;
                    if (i >= n) return;
                    unsigned v = x[i];
                    int count = 0;
                    while (v != 1) { v = v & 1 ? 3 * v + 1 : v / 2; count++; }
                    switch (count & 7) {
                        case 0: count += 1000; break;
                        case 1: count ^= 77; break;
                        case 2: count = -count; break;
                        case 3: count *= 3; break;
                        case 4: count -= 5; break;
                        case 5: count <<= 2; break;
                        case 6: count |= 1; break;
                    }
                    steps[i] = count;
                }
                """;
        everywhere(75, source, (machine, seed) -> {
            int[] x = Seeds.generator(seed).ints(100, 1, 1000).toArray(), want = new int[x.length];
            for (int i = 0; i < x.length; i++) want[i] = collatz(x[i]);
            MemorySegment steps = ints(machine, new int[x.length]);
            machine.launch("collatz", 2, 64, 0, ints(machine, x).address(), steps.address(), x.length);
            assertThat(steps.toArray(ValueLayout.JAVA_INT)).isEqualTo(want);
        });
    }

    private static int collatz(int v) {
        int count = 0;
        for (; v != 1; count++) v = v % 2 == 1 ? 3 * v + 1 : v / 2;
        return switch (count & 7) {
            case 0 -> count + 1000;
            case 1 -> count ^ 77;
            case 2 -> -count;
            case 3 -> count * 3;
            case 4 -> count - 5;
            case 5 -> count << 2;
            case 6 -> count | 1;
            default -> count;
        };
    }

    @Test
    void deviceFunctionsConstantsAndLocalMemory() {
        String source = """
                struct P { int a; double b; float c[3]; };
                __constant__ int primes[4] = {2, 3, 5, 7};
                __device__ int calls = 100;
                __device__ __noinline__ P made(int n) { P p; p.a = n; p.b = n * 0.5; p.c[0] = n; p.c[1] = n + 1; p.c[2] = n + 2; return p; }
                __device__ __noinline__ double used(P p, int n) {
                    double s = p.b;
                    for (int i = 0; i < n; i++) s = s * p.c[i % 3] + p.a;
                    return s;
                }
                __device__ __noinline__ int factorial(int n) { return n < 2 ? 1 : n * factorial(n - 1); }
                extern "C" __global__ void calling(P p, double* out, int* whole, int n) {
                    int i = threadIdx.x;
                    P m = made(i);
                    m.c[1] += p.c[1];
                    out[i] = used(m, n) + used(p, i);
                    int local[8];
                    for (int j = 0; j < 8; j++) local[j] = j * i + primes[j & 3];
                    whole[i] = factorial(i % 10) + local[(i + n) & 7];
                    atomicAdd(&calls, 1);
                }
                """;
        everywhere(75, source, (machine, seed) -> {
            int n = 5, threads = 40;
            MemorySegment out = floats(machine, new float[2 * threads]), whole = ints(machine, new int[threads]);
            MemorySegment parameters = arena.allocate(machine.parameterBytes("calling"), 8);
            assertThat(machine.parameters("calling").stream().map(PtxMachine.Parameter::offset))
                    .containsExactly(0, 32, 40, 48);
            parameters.set(ValueLayout.JAVA_INT, 0, 3);
            parameters.set(ValueLayout.JAVA_DOUBLE, 8, 1.5);
            for (int i = 0; i < 3; i++) parameters.set(ValueLayout.JAVA_FLOAT, 16 + 4 * i, i - 0.5f);
            parameters.set(ValueLayout.JAVA_LONG, 32, out.address());
            parameters.set(ValueLayout.JAVA_LONG, 40, whole.address());
            parameters.set(ValueLayout.JAVA_INT, 48, n);
            machine.launch("calling", new int[] {1, 1, 1}, new int[] {threads, 1, 1}, 0, parameters);
            for (int i = 0; i < threads; i++) {
                double want = used(i, i * 0.5, new float[] {i, i + 1 + 0.5f, i + 2}, n)
                        + used(3, 1.5, new float[] {-0.5f, 0.5f, 1.5f}, i);
                assertThat(out.getAtIndex(ValueLayout.JAVA_DOUBLE, i))
                        .as("thread %d", i)
                        .isEqualTo(want);
                int factorial = 1, j = (i + n) & 7;
                for (int k = 2; k <= i % 10; k++) factorial *= k;
                assertThat(whole.getAtIndex(ValueLayout.JAVA_INT, i))
                        .isEqualTo(factorial + j * i + new int[] {2, 3, 5, 7}[j & 3]);
            }
            int calls = MemorySegment.ofAddress(machine.global("calls"))
                    .reinterpret(4)
                    .get(ValueLayout.JAVA_INT, 0);
            assertThat(calls).isEqualTo(100 + threads);
        });
    }

    private static double used(int a, double b, float[] c, int n) {
        for (int i = 0; i < n; i++) b = Math.fma(b, c[i % 3], a);
        return b;
    }

    /** CUDA's own functions, within the errors that the programming guide states, in units of the last place. */
    @Test
    void functionsOfTheMathLibrary() {
        String source = """
                extern "C" __global__ void functions(const float* x, float* y, const double* u, double* v, int n) {
                    int i = blockIdx.x * blockDim.x + threadIdx.x;
                    if (i >= n) return;
                    float a = x[i];
                    float* out = y + i * 12;
                    out[0] = expf(a); out[1] = logf(fabsf(a)); out[2] = sinf(a); out[3] = cosf(a); out[4] = tanhf(a); out[5] = erff(a);
                    out[6] = rsqrtf(fabsf(a)); out[7] = powf(fabsf(a), 1.7f); out[8] = sqrtf(fabsf(a)); out[9] = 1 / a; out[10] = exp2f(a); out[11] = log2f(fabsf(a));
                    double b = u[i];
                    v[i * 4] = exp(b); v[i * 4 + 1] = log(fabs(b)); v[i * 4 + 2] = sin(b); v[i * 4 + 3] = 1 / b;
                }
                """;
        double[] bounds = {2, 2, 2, 2, 2, 3, 3, 5, 0.51, 0.51, 3, 2};
        everywhere(75, source, (machine, seed) -> {
            int n = 200;
            float[] x = Seeds.normal(Seeds.generator(seed), n, seed == 0 ? 1 : 20);
            MemorySegment y = floats(machine, new float[12 * n]),
                    u = floats(machine, new float[2 * n]),
                    v = floats(machine, new float[8 * n]);
            for (int i = 0; i < n; i++) u.setAtIndex(ValueLayout.JAVA_DOUBLE, i, x[i] * 1.0000001);
            machine.launch(
                    "functions", 2, 128, 0, floats(machine, x).address(), y.address(), u.address(), v.address(), n);
            for (int i = 0; i < n; i++) {
                double a = x[i], s = Math.abs(a), b = a * 1.0000001;
                double[] want = {
                    Math.exp(a),
                    Math.log(s),
                    Math.sin(a),
                    Math.cos(a),
                    Math.tanh(a),
                    Double.NaN,
                    1 / Math.sqrt(s),
                    Math.pow(s, 1.7f),
                    Math.sqrt(s),
                    1 / a,
                    Math.pow(2, a),
                    Math.log(s) / Math.log(2)
                };
                for (int k = 0; k < 12; k++) {
                    float found = at(y, i * 12 + k);
                    if (k == 5) assertThat(Math.abs(found)).isLessThanOrEqualTo(1f); // Java has no erf
                    else
                        assertThat(Math.abs(found - want[k]))
                                .as("function %d of %s", k, a)
                                .isLessThanOrEqualTo(bounds[k] * Math.ulp((float) want[k]));
                }
                double[] doubles = {Math.exp(b), Math.log(Math.abs(b)), Math.sin(b), 1 / b};
                for (int k = 0; k < 4; k++) {
                    double found = v.getAtIndex(ValueLayout.JAVA_DOUBLE, i * 4 + k);
                    assertThat(Math.abs(found - doubles[k]))
                            .as("double %d of %s", k, b)
                            .isLessThanOrEqualTo(3 * Math.ulp(doubles[k]));
                }
            }
        });
    }

    /** The last block to come adds what the others left: ordered by fence and atomic, and a race without the fence. */
    @Test
    void theLastBlockSeesWhatOthersFenced() {
        String source = """
                extern "C" __global__ void total(const float* x, float* parts, unsigned* count, float* out) {
                    __shared__ bool last;
                    float s = x[blockIdx.x * 32 + threadIdx.x];
                    for (int o = 16; o; o >>= 1) s += __shfl_xor_sync(~0u, s, o);
                    if (threadIdx.x == 0) {
                        parts[blockIdx.x] = s;
                        FENCE;
                        last = atomicAdd(count, 1) == gridDim.x - 1;
                    }
                    __syncthreads();
                    if (!last) return;
                    s = 0;
                    if (threadIdx.x == 31) { for (int i = 0; i < gridDim.x; i++) s += parts[i]; *out = s; }
                }
                """;
        BiConsumer<PtxMachine, Long> body = (machine, seed) -> {
            float[] x = Seeds.normal(Seeds.generator(seed), 128, 1);
            double sum = 0;
            for (float v : x) sum += v;
            MemorySegment out = floats(machine, 0), parts = floats(machine, new float[4]), count = ints(machine, 0);
            machine.launch(
                    "total", 4, 32, 0, floats(machine, x).address(), parts.address(), count.address(), out.address());
            assertThat((double) at(out, 0)).isCloseTo(sum, within(1e-4));
        };
        everywhere(75, source.replace("FENCE", "__threadfence()"), body);
        everywhere(
                75,
                source.replace("FENCE", "__threadfence_block()"),
                (machine, seed) -> assertThatThrownBy(() -> body.accept(machine, seed))
                        .hasMessageContaining("race in global memory"));
    }

    @Test
    void printfAndAssertAreFailuresWithTheirText() {
        String source = """
                extern "C" __global__ void says(int n) { if (threadIdx.x == 3) printf("n %d, half %.2f, %s\\n", n, n * 0.5, "text"); }
                extern "C" __device__ void __assertfail(const char*, const char*, unsigned, const char*, size_t);
                extern "C" __global__ void asserts(int n) { if (threadIdx.x == 3 && n > 1) __assertfail("n <= 1", "a.cu", 12, "asserts", 1); }
                """;
        everywhere(75, source, (machine, seed) -> {
            assertThatThrownBy(() -> machine.launch("says", 1, 32, 0, 7))
                    .hasMessageContaining("printf: n 7, half 3.5, text")
                    .hasMessageContaining("block (0, 0, 0), thread (3, 0, 0)");
            assertThatThrownBy(() -> machine.launch("asserts", 1, 32, 0, 7))
                    .hasMessageContaining("assertion failed: n <= 1, a.cu:12");
            machine.launch("asserts", 1, 32, 0, 1);
        });
    }
}
