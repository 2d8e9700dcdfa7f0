package dev.outrider.decode.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cuda.ptx.PtxStatistics;
import org.junit.jupiter.api.Test;

/** What kernels whose time is memory's ask of it: the bytes that their comments promise, in whole sectors. */
class CudaTrafficTest {
    private static final int IN = 1024, OUT = 64;

    /** Weights once for all rows of a sweep, by loads without gaps; x once for the outputs of a warp. */
    @Test
    void fewRowsReadTheWeightsOnce() {
        for (DType type : new DType[] {DType.F32, DType.BF16, DType.F16, DType.I8}) {
            for (int rows : new int[] {1, 2, 4, 5, 8}) {
                FakeGpu gpu = new FakeGpu().profile();
                try (CudaDevice device = gpu.device()) {
                    Buffer w = weights(device, type), x = device.allocate(DType.F32, rows * IN);
                    Buffer y = device.allocate(DType.F32, rows * OUT);
                    device.linear(y, x, w, rows, IN, OUT, 0);
                    device.download(y, new float[1], 0, 1);
                    PtxStatistics did = gpu.statistics.getLast();
                    int sweep = rows == 5 ? 8 : rows;
                    long inputs = 4L * sweep * IN * OUT / 4, bytes = type == DType.I8 ? 0 : w.bytes();
                    // A lane reads an I8 scale for each four weights, though they share it.
                    if (type == DType.I8) bytes = 2L * IN * OUT;
                    assertThat(did.globalRead()).as("%s, %d rows", type, rows).isEqualTo(bytes + inputs);
                    assertThat(did.globalWritten()).isEqualTo(4L * rows * OUT);
                    assertThat(did.lines())
                            .filteredOn(line -> line.text().startsWith("ld.global") && line.bytes() > 4096)
                            .isNotEmpty()
                            .allSatisfy(line ->
                                    assertThat(line.transfers()).as(line.text()).isLessThanOrEqualTo(line.ideal()));
                }
            }
        }
    }

    private static Buffer weights(CudaDevice device, DType type) {
        Tensor values = Tensor.of("w", Seeds.normal(Seeds.generator(1), IN * OUT, 1), OUT, IN);
        return type == DType.F16 ? device.allocate(type, IN * OUT) : device.hold(values, type);
    }

    /** Keys and values that are seen, once for eight queries. */
    @Test
    void attentionReadsACacheOnce() {
        int heads = 8, dim = 64, context = 192;
        FakeGpu gpu = new FakeGpu().profile();
        try (CudaDevice device = gpu.device()) {
            Buffer keys = device.allocate(DType.F32, 256 * dim), values = device.allocate(DType.F32, 256 * dim);
            Buffer q = device.allocate(DType.F32, heads * dim), out = device.allocate(DType.F32, heads * dim);
            device.attend(out, q, keys, values, 1, context, 256, heads, 1, dim);
            device.download(out, new float[1], 0, 1);
            PtxStatistics chunks = gpu.statistics.get(gpu.launched.indexOf("attend_chunks"));
            long cache = 2L * 4 * context * dim, queries = 3L * 4 * heads * dim;
            assertThat(chunks.globalRead()).isEqualTo(cache + queries);
            assertThat(chunks.globalWritten()).isEqualTo(3L * 4 * heads * (dim + 2));
        }
    }
}
