package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Products of multiples of {@link Device#ROW_BLOCK} rows: what a row becomes does not depend on their number, on its
 * place among them nor on the others, bit for bit.
 */
class PaddedRowsTest {
    private static final int MOST = 4 * Device.ROW_BLOCK;

    // SmolLM2's and stories260K's matrices, some that nothing divides, some that are small as BLAS sees it.
    @ParameterizedTest
    @CsvSource({
        "576,576",
        "576,192",
        "1536,576",
        "64,172",
        "172,64",
        "64,32",
        "72,136",
        "12,7",
        "1000,129",
        "33,1",
        "1,50"
    })
    void aRowIsItsOwn(int in, int out) {
        for (DType type : new DType[] {DType.F32, DType.BF16, DType.I8}) {
            if (type == DType.I8 && in % 64 != 0) continue;
            for (int threads : new int[] {1, 2}) {
                try (CpuDevice device = new CpuDevice(threads);
                        Native memory = new Native()) {
                    rowsAreTheirOwn(device, memory, weights(device, type, in, out), in, out);
                }
            }
        }
    }

    private static Buffer weights(CpuDevice device, DType type, int in, int out) {
        float[] values = Seeds.normal(Seeds.generator(3), in * out, 1);
        return device.hold(Tensor.of("w", values, out, in), type);
    }

    private static void rowsAreTheirOwn(CpuDevice device, Native memory, Buffer w, int in, int out) {
        Buffer x = memory.normal(Seeds.generator(4), MOST * in, 1);
        for (float beta : new float[] {0, 1}) {
            float[] all = product(device, x, w, MOST, in, out, beta);
            for (int rows = Device.ROW_BLOCK; rows <= MOST; rows *= 2) {
                for (int first : new int[] {0, 1, 7, 63, MOST - rows}) {
                    if (first > MOST - rows) continue;
                    Buffer some = x.slice((long) first * in, (long) rows * in);
                    float[] part = product(device, some, w, rows, in, out, beta);
                    assertThat(Arrays.mismatch(part, Arrays.copyOfRange(all, first * out, (first + rows) * out)))
                            .as("%s, %d rows from %d on, %d to %d, beta %s", w.type(), rows, first, in, out, beta)
                            .isNegative();
                }
            }
        }
    }

    private static float[] product(CpuDevice device, Buffer x, Buffer w, int rows, int in, int out, float beta) {
        Buffer y = device.allocate(DType.F32, (long) rows * out);
        for (long i = 0; i < y.elements(); i++) Lanes.set(y.address() + 4 * i, 0.5f);
        device.linear(y, x, w, rows, in, out, beta);
        float[] result = Native.floats(y);
        device.free(y);
        return result;
    }
}
