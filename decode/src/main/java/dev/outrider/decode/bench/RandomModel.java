package dev.outrider.decode.bench;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.Narrowing;
import dev.outrider.decode.model.LlamaWeights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * Weights of any shape in BF16, for measuring: all matrices begin in the same host memory, so that 13 GB on a card take
 * as much as the largest of them here.
 */
final class RandomModel {
    private static final float DEVIATION = 0.02f;

    private RandomModel() {}

    /** @param arena keeps the host's memory, where a device of the CPU reads it */
    static LlamaWeights of(Device device, ModelConfig config, Arena arena) {
        Map<String, long[]> shapes = config.tensors();
        long largest =
                shapes.values().stream().mapToLong(Tensor::elements).max().orElseThrow();
        MemorySegment values = arena.allocate(2 * largest, 64), ones = arena.allocate(2L * config.hiddenSize(), 64);
        SplittableRandom random = new SplittableRandom(largest);
        for (long i = 0; i < largest; i++) {
            float value = (float) (DEVIATION * Math.sqrt(3) * (2 * random.nextDouble() - 1));
            values.setAtIndex(ValueLayout.JAVA_SHORT, i, Narrowing.bf16(value));
        }
        for (int i = 0; i < config.hiddenSize(); i++) ones.setAtIndex(ValueLayout.JAVA_SHORT, i, Narrowing.bf16(1));
        return LlamaWeights.of(device, config, Optional.empty(), name -> {
            long[] shape = shapes.get(name);
            MemorySegment data = shape.length == 1 ? ones : values.asSlice(0, 2 * Tensor.elements(shape));
            return new Tensor(name, DType.BF16, shape, data);
        });
    }
}
