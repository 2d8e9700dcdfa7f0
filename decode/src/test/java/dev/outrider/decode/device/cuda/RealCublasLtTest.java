package dev.outrider.decode.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.device.cuda.CudaLibraries.Part;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What of NVIDIA's cuBLASLt needs no card: that its functions are bound as they are, and numbers mean what we take them for. */
@Tag("card")
class RealCublasLtTest {
    private final MemorySegment out = Arena.ofAuto().allocate(16, 8);

    private interface Body {
        void with(SymbolLookup symbols, BlasApi api);
    }

    private static void each(Body body) {
        for (SymbolLookup symbols : RealLibraries.all(Part.CUBLASLT, "libcublasLt.so.12", "libcublasLt.so.13"))
            body.with(symbols, new BlasApi(symbols));
    }

    @Test
    void versionAndWords() {
        each((symbols, api) -> {
            assertThat(CublasLt.versionText(api.version())).matches("1[23]\\.\\d+\\.\\d+");
            assertThat(api.failure("cublasLtMatmul", 15))
                    .hasMessageMatching(
                            "(?s)cuBLASLt: found status 15 \\(\\w.*\\) from cublasLtMatmul; expected success.*");
        });
    }

    private long made(int status) {
        assertThat(status).isZero();
        return out.get(ValueLayout.JAVA_LONG, 0);
    }

    private void put(NativeCall setter, long object, int attribute, long value, int bytes) {
        out.set(ValueLayout.JAVA_LONG, 0, value);
        setter.run(object, attribute, out.address(), bytes);
    }

    /** @param bytes that the library itself has for the attribute */
    private long read(SymbolLookup symbols, String getter, long object, int attribute, int bytes) {
        NativeCall get = new NativeLibrary("cuBLASLt", symbols, "", (c, s) -> Failure.of(Failure.Kind.MACHINE, c + s))
                .call(getter, "pippp");
        out.fill((byte) 0);
        get.run(object, attribute, 0, 0, out.address() + 8);
        assertThat(out.get(ValueLayout.JAVA_LONG, 8)).isEqualTo(bytes);
        get.run(object, attribute, out.address(), bytes, out.address() + 8);
        return out.get(ValueLayout.JAVA_LONG, 0);
    }

    @Test
    void layouts() {
        each((symbols, api) -> {
            long layout = made(api.createLayout.status(out.address(), BlasApi.R_16BF, 30, 20, 33));
            put(api.setLayout, layout, BlasApi.LAYOUT_BATCH, 7, 4);
            put(api.setLayout, layout, BlasApi.LAYOUT_STRIDE, 1L << 33, 8);
            String get = "cublasLtMatrixLayoutGetAttribute";
            assertThat(read(symbols, get, layout, 0, 4)).isEqualTo(BlasApi.R_16BF);
            assertThat(read(symbols, get, layout, 1, 4)).isZero(); // column by column
            assertThat(read(symbols, get, layout, 2, 8)).isEqualTo(30);
            assertThat(read(symbols, get, layout, 3, 8)).isEqualTo(20);
            assertThat(read(symbols, get, layout, 4, 8)).isEqualTo(33);
            assertThat(read(symbols, get, layout, BlasApi.LAYOUT_BATCH, 4)).isEqualTo(7);
            assertThat(read(symbols, get, layout, BlasApi.LAYOUT_STRIDE, 8)).isEqualTo(1L << 33);
            api.destroyLayout.run(layout);
        });
    }

    @Test
    void products() {
        each((symbols, api) -> {
            long product = made(api.createProduct.status(out.address(), BlasApi.COMPUTE_32F, BlasApi.R_32F));
            put(api.setProduct, product, BlasApi.TRANSB, BlasApi.TRANSPOSED, 4);
            String get = "cublasLtMatmulDescGetAttribute";
            assertThat(read(symbols, get, product, 0, 4)).isEqualTo(BlasApi.COMPUTE_32F);
            assertThat(read(symbols, get, product, 1, 4)).isEqualTo(BlasApi.R_32F);
            assertThat(read(symbols, get, product, 2, 4)).isZero(); // alpha and beta in the host's memory
            assertThat(read(symbols, get, product, BlasApi.TRANSA, 4)).isEqualTo(BlasApi.PLAIN);
            assertThat(read(symbols, get, product, BlasApi.TRANSB, 4)).isEqualTo(BlasApi.TRANSPOSED);
            api.destroyProduct.run(product);
        });
    }

    @Test
    void preferences() {
        each((symbols, api) -> {
            long preference = made(api.createPreference.status(out.address()));
            put(api.setPreference, preference, BlasApi.WORKSPACE_BYTES, 1L << 33, 8);
            String get = "cublasLtMatmulPreferenceGetAttribute";
            for (int of = BlasApi.ALIGNMENT_A; of <= BlasApi.ALIGNMENT_D; of++) {
                assertThat(read(symbols, get, preference, of, 4)).isEqualTo(256); // what the header says of alignments
                put(api.setPreference, preference, of, of, 4);
            }
            assertThat(read(symbols, get, preference, BlasApi.WORKSPACE_BYTES, 8))
                    .isEqualTo(1L << 33);
            for (int of = BlasApi.ALIGNMENT_A; of <= BlasApi.ALIGNMENT_D; of++)
                assertThat(read(symbols, get, preference, of, 4)).isEqualTo(of);
            api.destroyPreference.run(preference);
        });
    }

    /** Plans by the real library on a fake card: all of it but the handle, which needs a card. */
    @Test
    void plans() {
        each((symbols, api) -> {
            FakeDriver driver = new FakeDriver();
            FakeBlas fake = new FakeBlas(driver);
            SymbolLookup mixed = name -> name.equals("cublasLtCreate") || name.equals("cublasLtDestroy")
                    ? fake.symbols().find(name)
                    : symbols.find(name);
            try (CudaContext context = CudaDriver.of(driver.symbols()).context(0);
                    CublasLt blas = CublasLt.of(mixed, context)) {
                for (DType type : new DType[] {DType.F32, DType.BF16, DType.F16}) {
                    blas.plan(BlasShape.of(type, false, true, 5, 7, 9));
                    blas.plan(new BlasShape(type, true, false, 5, 7, 9, 6, 8, 9, 3, 60, 0, 45));
                }
            }
            assertThat(fake.leaks()).isZero();
            assertThat(driver.leaks()).isEmpty();
        });
    }
}
