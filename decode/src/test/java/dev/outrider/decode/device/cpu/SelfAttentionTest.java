package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Attention of training against plain softmax in double, with shared key/value heads and ragged lengths. */
class SelfAttentionTest {
    private Native memory;
    private CpuDevice device;

    @BeforeEach
    void open() {
        memory = new Native();
        device = new CpuDevice(2);
    }

    @AfterEach
    void close() {
        device.close();
        memory.close();
    }

    private static SelfAttentionReference shape(RandomGenerator random, int longest) {
        int kvHeads = 1 + random.nextInt(3), shared = 1 + random.nextInt(3), headDim = 1 + random.nextInt(40);
        int time = 1 + random.nextInt(longest);
        return new SelfAttentionReference(
                1 + random.nextInt(2), time, kvHeads * shared, kvHeads, headDim, random.nextBoolean());
    }

    private static int outputs(SelfAttentionReference s) {
        return s.batch() * s.time() * s.heads() * s.headDim();
    }

    private static int inputs(SelfAttentionReference s) {
        return s.batch() * s.time() * (s.heads() + 2 * s.kvHeads()) * s.headDim();
    }

    @Test
    void twinAgreesWithDifferences() {
        Seeds.run(6, random -> {
            var shape = new SelfAttentionReference(2, 4, 4, 2, 3, random.nextBoolean());
            double[] qkv = random.doubles(inputs(shape), -2, 2).toArray(), dqkv = new double[qkv.length];
            double[] dout = random.doubles(outputs(shape), -1, 1).toArray(), out = new double[dout.length];
            shape.gradient(dqkv, dout, qkv);
            double[] expected = Differences.of(
                    v -> {
                        shape.forward(out, new double[2 * 4 * 4], v);
                        return Differences.dot(out, dout);
                    },
                    qkv);
            Close.to(expected, dqkv, 1e-8);
        });
    }

    @Test
    void agreesWithTwin() {
        Seeds.run(20, random -> agrees(random, shape(random, 60), 1));
    }

    @Test
    void agreesWithTwinOverSeveralBlocks() {
        Seeds.run(2, random -> agrees(random, new SelfAttentionReference(1, 128, 2, 1, 16, true), 1));
        Seeds.run(2, random -> agrees(random, new SelfAttentionReference(1, 129, 2, 2, 16, true), 1));
        Seeds.run(2, random -> agrees(random, new SelfAttentionReference(2, 300, 6, 2, 8, true), 1));
        Seeds.run(2, random -> agrees(random, new SelfAttentionReference(2, 300, 6, 2, 8, false), 1));
    }

    @Test
    void agreesWithTwinWhereScoresAreLarge() {
        Seeds.run(5, random -> agrees(random, shape(random, 40), 20));
    }

    private void agrees(RandomGenerator random, SelfAttentionReference s, double scale) {
        Buffer qkv = memory.normal(random, inputs(s), scale), dout = memory.normal(random, outputs(s), 1);
        Buffer out = memory.zeros(outputs(s)), logs = memory.zeros(s.batch() * s.heads() * s.time());
        Buffer dqkv = memory.normal(random, inputs(s), Float.NaN);
        device.selfAttention(out, logs, qkv, s.batch(), s.time(), s.heads(), s.kvHeads(), s.headDim(), s.causal());
        device.selfAttentionGradient(
                dqkv, dout, out, logs, qkv, s.batch(), s.time(), s.heads(), s.kvHeads(), s.headDim(), s.causal());
        double[] expected = new double[outputs(s)], sums = new double[s.batch() * s.heads() * s.time()];
        double[] gradient = new double[inputs(s)];
        s.forward(expected, sums, Close.doubles(qkv));
        s.gradient(gradient, Close.doubles(dout), Close.doubles(qkv));
        // A score of size scale² has an error of that many float steps, and so has the exponent.
        double tolerance = 5e-6 * Math.max(1, scale * scale);
        Close.to(sums, logs, 5e-6);
        Close.to(expected, out, tolerance);
        Close.to(gradient, dqkv, 2 * tolerance);
    }

    @Test
    void nothingIsTakenFromTheFuture() {
        var random = Seeds.generator(7);
        int time = 200, dim = 8;
        Buffer qkv = memory.normal(random, time * 3 * dim, 1), out = memory.zeros(time * dim);
        Buffer logs = memory.zeros(time);
        device.selfAttention(out, logs, qkv, 1, time, 1, 1, dim, true);
        float[] before = java.util.Arrays.copyOf(Native.floats(out), 150 * dim);
        device.zero(qkv.slice(150 * 3 * dim, 50 * 3 * dim), 50 * 3 * dim);
        device.selfAttention(out, logs, qkv, 1, time, 1, 1, dim, true);
        assertThat(java.util.Arrays.copyOf(Native.floats(out), 150 * dim)).isEqualTo(before);
    }
}
