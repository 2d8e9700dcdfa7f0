package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.Narrowing;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/** Products of a device of {@link dev.outrider.decode.device.Precision#BF16}, against loops in double over rounded factors. */
public abstract class MixedContract extends DeviceContract {
    private static final int IN = 96, OUT = 70;

    private static float[] rounded(float[] values) {
        float[] all = values.clone();
        for (int i = 0; i < all.length; i++) all[i] = Float.intBitsToFloat(Narrowing.bf16(all[i]) << 16);
        return all;
    }

    private long host(float[] values) {
        return host.of(values).address();
    }

    @Test
    public void manyRows() {
        Seeds.run(4, random -> {
            int rows = Device.INVARIANT_ROWS + 1 + random.nextInt(40), beta = random.nextInt(2);
            float[] w = Seeds.normal(random, OUT * IN, 1), x = Seeds.normal(random, rows * IN, 1);
            float[] before = Seeds.normal(random, rows * OUT, 1);
            long a = host(rounded(x)), b = host(rounded(w));
            double[] expected = Gemm.scalar(false, true, doubles(before), a, IN, b, IN, rows, OUT, IN, beta);
            Buffer y = of(before);
            device.linear(y, of(x), of(w), rows, IN, OUT, beta);
            close(expected, y, 1e-5);
            // Weights that are BF16 are taken as they are; others than those that were just rounded.
            float[] other = rounded(Seeds.normal(random, OUT * IN, 1));
            Buffer again = of(before), stored = device.hold(stored(DType.BF16, other, OUT, IN));
            device.linear(again, of(x), stored, rows, IN, OUT, beta);
            double[] expectedToo =
                    Gemm.scalar(false, true, doubles(before), a, IN, host(other), IN, rows, OUT, IN, beta);
            close(expectedToo, again, 1e-5);
        });
    }

    /** Where drafts are to change nothing. */
    @Test
    public void fewRowsAreNotRounded() {
        RandomGenerator random = Seeds.generator(3);
        int rows = Device.INVARIANT_ROWS;
        float[] w = Seeds.normal(random, OUT * IN, 1), x = Seeds.normal(random, rows * IN, 1);
        Buffer y = zeros(rows * OUT);
        device.linear(y, of(x), of(w), rows, IN, OUT, 0);
        double[] expected =
                Gemm.scalar(false, true, new double[rows * OUT], host(x), IN, host(w), IN, rows, OUT, IN, 0);
        close(expected, y, 1e-5);
    }

    @Test
    public void gradients() {
        Seeds.run(4, random -> {
            int rows = 1 + random.nextInt(70), beta = random.nextInt(2);
            float[] w = Seeds.normal(random, OUT * IN, 1), x = Seeds.normal(random, rows * IN, 1);
            float[] dy = Seeds.normal(random, rows * OUT, 1);
            float[] dx = Seeds.normal(random, rows * IN, 1), dw = Seeds.normal(random, OUT * IN, 1);
            long a = host(rounded(x)), b = host(rounded(w)), d = host(rounded(dy));
            double[] inputs = Gemm.scalar(false, false, doubles(dx), d, OUT, b, IN, rows, IN, OUT, beta);
            double[] weights = Gemm.scalar(true, false, doubles(dw), d, OUT, a, IN, OUT, IN, rows, beta);
            Buffer foundInputs = of(dx), foundWeights = of(dw);
            device.linearInputGradient(foundInputs, of(dy), of(w), rows, IN, OUT, beta);
            device.linearWeightGradient(foundWeights, of(dy), of(x), rows, IN, OUT, beta);
            close(inputs, foundInputs, 1e-5);
            close(weights, foundWeights, 1e-5);
        });
    }

    /** Divergence is not hidden, and what is beyond BF16 becomes infinite. */
    @Test
    public void whatIsNoNumberStaysSo() {
        float[] x = new float[40 * IN], w = new float[OUT * IN];
        x[3 * IN + 7] = Float.intBitsToFloat(0x7fffffff);
        x[5 * IN + 2] = Float.MAX_VALUE;
        for (int o = 0; o < OUT; o++) w[o * IN + 7] = w[o * IN + 2] = 1;
        Buffer y = zeros(40 * OUT);
        device.linear(y, of(x), of(w), 40, IN, OUT, 0);
        float[] found = floats(y);
        for (int o = 0; o < OUT; o++) {
            assertThat(found[3 * OUT + o]).isNaN();
            assertThat(found[5 * OUT + o]).isEqualTo(Float.POSITIVE_INFINITY);
            assertThat(found[o]).isZero();
        }
    }
}
