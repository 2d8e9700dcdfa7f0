package dev.outrider.trainer.layer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.ClipConfig;
import dev.outrider.checkpoints.Gelu;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Seeds;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The references' gradients against central differences in double: for each parameter and for the input,
 * the slope of sum(output * weights) along a random direction.
 */
final class ReferenceGradientTest {
    private static final double STEP = 1e-5;
    private static final int SEQUENCES = 2;
    private static final int TIME = 5;

    @ParameterizedTest
    @MethodSource("dev.outrider.trainer.layer.Models#all")
    void block(ModelConfig config) {
        Seeds.run(2, random -> {
            Map<String, INDArray> p = values(new LlamaBlock(config, 0), random), g = zeros(p);
            INDArray x = normal(random, 1, SEQUENCES * TIME, config.hiddenSize());
            INDArray weights = normal(random, 1, SEQUENCES * TIME, config.hiddenSize());
            var block = new LlamaBlockReference(config, p);
            Supplier<INDArray> forward = () -> block.forward(x, SEQUENCES, TIME);
            forward.get();
            INDArray dx = block.backward(g, weights.dup());
            p.forEach((name, array) -> check(name, forward, weights, array, g.get(name), random));
            check("x", forward, weights, x, dx, random);
        });
    }

    @ParameterizedTest
    @MethodSource("dev.outrider.trainer.layer.Models#all")
    void head(ModelConfig config) {
        Seeds.run(2, random -> {
            Map<String, INDArray> p = values(new LlamaHead(config), random), g = zeros(p);
            INDArray weight = normal(random, 0.3, config.vocabSize(), config.hiddenSize());
            INDArray dWeight = Nd4j.zeros(DataType.DOUBLE, weight.shape());
            INDArray x = normal(random, 1, SEQUENCES * TIME, config.hiddenSize());
            INDArray weights = normal(random, 1, SEQUENCES * TIME, config.vocabSize());
            var head = new LlamaHeadReference(config, p, weight);
            Supplier<INDArray> forward = () -> head.forward(x);
            forward.get();
            INDArray dx = head.backward(g, dWeight, weights);
            check("gain", forward, weights, p.get(LlamaHead.GAIN), g.get(LlamaHead.GAIN), random);
            check("weight", forward, weights, weight, dWeight, random);
            check("x", forward, weights, x, dx, random);
        });
    }

    @Test
    void embedding() {
        Seeds.run(2, random -> {
            Map<String, INDArray> p = Map.of(TokenEmbedding.TABLE, normal(random, 1, 7, 4)), g = zeros(p);
            INDArray weights = normal(random, 1, 6, 4);
            var embedding = new TokenEmbeddingReference();
            Supplier<INDArray> forward = () -> embedding.forward(p, new int[] {3, 0, 3, 6, 3, 1});
            forward.get();
            embedding.backward(g, weights);
            String table = TokenEmbedding.TABLE;
            check(table, forward, weights, p.get(table), g.get(table), random);
        });
    }

    @ParameterizedTest
    @EnumSource
    void towerBlock(Gelu activation) {
        Seeds.run(2, random -> {
            ClipConfig config = ClipModels.tower(random, activation);
            Map<String, INDArray> p = values(new TowerBlock(config), random), g = zeros(p);
            INDArray x = normal(random, 1, SEQUENCES * TIME, config.hiddenSize());
            INDArray weights = normal(random, 1, SEQUENCES * TIME, config.hiddenSize());
            var block = new TowerBlockReference(config, p);
            Supplier<INDArray> forward = () -> block.forward(x, SEQUENCES, TIME);
            forward.get();
            INDArray dx = block.backward(g, weights.dup());
            p.forEach((name, array) -> check(name, forward, weights, array, g.get(name), random));
            check("x", forward, weights, x, dx, random);
        });
    }

    @Test
    void patches() {
        Seeds.run(3, random -> {
            ClipConfig config = ClipModels.tower(random, Gelu.QUICK);
            Map<String, INDArray> p = values(new PatchEmbedding(config), random), g = zeros(p);
            INDArray patches = normal(random, 1, SEQUENCES * config.patches(), config.patchValues());
            INDArray weights = normal(random, 1, SEQUENCES * (config.patches() + 1), config.hiddenSize());
            var embedding = new PatchEmbeddingReference(p, config.layerNormEps());
            Supplier<INDArray> forward = () -> embedding.forward(patches);
            forward.get();
            embedding.backward(g, weights.dup());
            p.forEach((name, array) -> check(name, forward, weights, array, g.get(name), random));
        });
    }

    @Test
    void projection() {
        Seeds.run(3, random -> {
            int channels = 3 + random.nextInt(9), width = 1 + random.nextInt(6);
            Map<String, INDArray> p = values(new PooledProjection(channels, width, 1e-5, false), random), g = zeros(p);
            INDArray x = normal(random, 1, SEQUENCES * TIME, channels), weights = normal(random, 1, SEQUENCES, width);
            int[] rows = {random.nextInt(TIME), TIME + random.nextInt(TIME)};
            var projection = new PooledProjectionReference(p, 1e-5);
            Supplier<INDArray> forward = () -> projection.forward(x, rows);
            forward.get();
            INDArray dx = projection.backward(g, weights.dup());
            p.forEach((name, array) -> check(name, forward, weights, array, g.get(name), random));
            check("x", forward, weights, x, dx, random);
        });
    }

    private static void check(
            String name,
            Supplier<INDArray> forward,
            INDArray weights,
            INDArray at,
            INDArray gradient,
            RandomGenerator random) {
        INDArray direction = normal(random, 1, at.shape());
        INDArray kept = at.dup();
        at.addi(direction.mul(STEP));
        double above = product(forward.get(), weights);
        at.assign(kept.sub(direction.mul(STEP)));
        double below = product(forward.get(), weights);
        at.assign(kept);
        double slope = product(gradient, direction);
        assertThat((above - below) / (2 * STEP)).as(name).isCloseTo(slope, within(1e-6 * (1 + Math.abs(slope))));
    }

    private static org.assertj.core.data.Offset<Double> within(double tolerance) {
        return org.assertj.core.data.Offset.offset(tolerance);
    }

    private static double product(INDArray a, INDArray b) {
        return a.mul(b).sumNumber().doubleValue();
    }

    /** Gains around 1, everything else normal with deviation 0.3. */
    private static Map<String, INDArray> values(LayerSettings layer, RandomGenerator random) {
        Map<String, INDArray> values = new LinkedHashMap<>();
        for (Parameter p : layer.parameters()) {
            INDArray array = normal(random, 0.3, p.shape());
            values.put(p.name(), p.kind() == Parameter.Kind.GAIN ? array.addi(1) : array);
        }
        return values;
    }

    private static Map<String, INDArray> zeros(Map<String, INDArray> like) {
        Map<String, INDArray> zeros = new LinkedHashMap<>();
        like.forEach((name, array) -> zeros.put(name, Nd4j.zeros(DataType.DOUBLE, array.shape())));
        return zeros;
    }

    private static INDArray normal(RandomGenerator random, double deviation, long... shape) {
        INDArray array = Nd4j.create(DataType.DOUBLE, shape);
        for (long i = 0; i < array.length(); i++) array.putScalar(i, random.nextGaussian() * deviation);
        return array;
    }
}
