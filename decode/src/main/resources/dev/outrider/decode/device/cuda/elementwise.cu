// Element by element, four to a thread: 16 bytes of each operand where all begin at such a multiple ("whole"), single
// floats elsewhere, with the same values.

struct Four {
    float v[4];
};

__device__ __forceinline__ Four load(const float *x, int64 at, int64 n, int whole) {
    Four f;
    if (whole && at + 4 <= n) {
        float4 v = *(const float4 *) (x + at);
        f.v[0] = v.x, f.v[1] = v.y, f.v[2] = v.z, f.v[3] = v.w;
    } else {
#pragma unroll
        for (int j = 0; j < 4; j++) f.v[j] = at + j < n ? x[at + j] : 0;
    }
    return f;
}

__device__ __forceinline__ void store(float *y, int64 at, int64 n, int whole, Four f) {
    if (whole && at + 4 <= n) {
        *(float4 *) (y + at) = make_float4(f.v[0], f.v[1], f.v[2], f.v[3]);
    } else {
#pragma unroll
        for (int j = 0; j < 4; j++) if (at + j < n) y[at + j] = f.v[j];
    }
}

__device__ __forceinline__ int64 mine() {
    return 4 * ((int64) blockIdx.x * blockDim.x + threadIdx.x);
}

// y += x: 8 bytes read, 4 written for an element.
extern "C" __global__ void add(float *y, const float *x, int64 n, int whole) {
    int64 at = mine();
    if (at >= n) return;
    Four a = load(y, at, n, whole), b = load(x, at, n, whole);
#pragma unroll
    for (int j = 0; j < 4; j++) a.v[j] += b.v[j];
    store(y, at, n, whole, a);
}

// y *= factor: 4 bytes read, 4 written.
extern "C" __global__ void scale(float *y, float factor, int64 n, int whole) {
    int64 at = mine();
    if (at >= n) return;
    Four a = load(y, at, n, whole);
#pragma unroll
    for (int j = 0; j < 4; j++) a.v[j] *= factor;
    store(y, at, n, whole, a);
}

// y = x as BF16, to nearest, ties to even; NaN stays NaN. 4 bytes read, 2 written.
extern "C" __global__ void narrow(unsigned short *y, const float *x, int64 n, int whole) {
    int64 at = mine();
    if (at >= n) return;
    Four a = load(x, at, n, whole);
    unsigned half[4];
#pragma unroll
    for (int j = 0; j < 4; j++) {
        unsigned bits = __float_as_uint(a.v[j]);
        half[j] = (bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : bits + 0x7fffu + (bits >> 16 & 1u) >> 16;
    }
    if (at + 4 <= n) {
        *(uint2 *) (y + at) = make_uint2(half[0] | half[1] << 16, half[2] | half[3] << 16);
    } else {
#pragma unroll
        for (int j = 0; j < 4; j++) if (at + j < n) y[at + j] = half[j];
    }
}

// y[r, :] += bias, F32, BF16 or F16; blockIdx.y is the first of the rows, gridDim.y apart. 4 bytes read, 4 written.
extern "C" __global__ void add_bias(float *y, const void *bias, int type, int rows, int channels) {
    int c = blockIdx.x * blockDim.x + threadIdx.x;
    if (c >= channels) return;
    float b = stored(bias, type, c);
    for (int r = blockIdx.y; r < rows; r += gridDim.y) y[(int64) r * channels + c] += b;
}

// The finaliser of SplitMix64.
__device__ __forceinline__ unsigned long long mix(unsigned long long z) {
    z += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

// One hashed number for four elements, 16 bits each; below "dropped" the element becomes 0. 4 bytes read, 4 written.
extern "C" __global__ void dropout(float *x, int dropped, float factor, unsigned long long seed, int64 n, int whole) {
    int64 at = mine();
    if (at >= n) return;
    Four a = load(x, at, n, whole);
    unsigned long long bits = mix(seed + at / 4);
#pragma unroll
    for (int j = 0; j < 4; j++) a.v[j] = (int) (bits >> 16 * j & 0xffff) < dropped ? 0 : a.v[j] * factor;
    store(x, at, n, whole, a);
}

__device__ __forceinline__ float sigmoid(float x) {
    return 1.0f / (1.0f + expf(-x));
}

// SwiGLU (Shazeer, 2002.05202): y = g·σ(g)·u; rows of gate and up "stride" apart. 8 bytes read, 4 written.
extern "C" __global__ void swiglu(
        float *y, const float *gate, const float *up, int rows, int stride, int width, int whole) {
    int64 at = mine() % ((width + 3) / 4 * 4), row = mine() / ((width + 3) / 4 * 4);
    if (row >= rows) return;
    Four g = load(gate + row * stride, at, width, whole), u = load(up + row * stride, at, width, whole);
#pragma unroll
    for (int j = 0; j < 4; j++) g.v[j] = g.v[j] * sigmoid(g.v[j]) * u.v[j];
    store(y + row * width, at, width, whole, g);
}

// du = g·σ·dy, dg = σ·(1 + g·(1 - σ))·u·dy. 12 bytes read, 8 written.
extern "C" __global__ void swiglu_gradient(
        float *dgate,
        float *dup,
        const float *dy,
        const float *gate,
        const float *up,
        int rows,
        int stride,
        int width,
        int whole) {
    int64 at = mine() % ((width + 3) / 4 * 4), row = mine() / ((width + 3) / 4 * 4);
    if (row >= rows) return;
    Four g = load(gate + row * stride, at, width, whole), u = load(up + row * stride, at, width, whole);
    Four d = load(dy + row * width, at, width, whole), dg, du;
#pragma unroll
    for (int j = 0; j < 4; j++) {
        float s = sigmoid(g.v[j]);
        dg.v[j] = (g.v[j] * (1 - s) + 1) * s * u.v[j] * d.v[j];
        du.v[j] = g.v[j] * s * d.v[j];
    }
    store(dgate + row * stride, at, width, whole, dg);
    store(dup + row * stride, at, width, whole, du);
}

// Φ(x), by erfc, which keeps its digits where Φ is small.
__device__ __forceinline__ float normal(float x) {
    return 0.5f * erfcf(x * -0.70710678118654752f);
}

// GELU (Hendrycks and Gimpel, 1606.08415): x·Φ(x), or x·σ(1.702 x). 4 bytes read, 4 written.
extern "C" __global__ void gelu(float *y, const float *x, int quick, int64 n, int whole) {
    int64 at = mine();
    if (at >= n) return;
    Four a = load(x, at, n, whole);
#pragma unroll
    for (int j = 0; j < 4; j++) a.v[j] *= quick ? sigmoid(1.702f * a.v[j]) : normal(a.v[j]);
    store(y, at, n, whole, a);
}

// dx = dy·(Φ + x·φ(x)), or dy·(σ + 1.702·x·σ·(1 - σ)). 8 bytes read, 4 written.
extern "C" __global__ void gelu_gradient(float *dx, const float *dy, const float *x, int quick, int64 n, int whole) {
    int64 at = mine();
    if (at >= n) return;
    Four a = load(x, at, n, whole), d = load(dy, at, n, whole);
#pragma unroll
    for (int j = 0; j < 4; j++) {
        float v = a.v[j], slope;
        if (quick) {
            float s = sigmoid(1.702f * v);
            slope = fmaf((1 - s) * v * 1.702f, s, s);
        } else {
            slope = fmaf(expf(v * v * -0.5f) * 0.39894228040143268f, v, normal(v));
        }
        d.v[j] *= slope;
    }
    store(dx, at, n, whole, d);
}
