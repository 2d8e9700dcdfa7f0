package dev.outrider.decode.model;

import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * What the attention heads of a model look for, seen on random tokens that are said twice: heads that look at the token
 * before, and heads that look at what followed when the present token was there before. These, induction heads (Olsson et
 * al., 2209.11895), are how a model repeats what it has read; they find it by what the first kind left at each token. A
 * draft that is cut out of a target repeats nothing unless both kinds are in it.
 */
public final class HeadRoles {
    /** Tokens that are said twice. */
    private static final int LENGTH = 64;

    /**
     * @param previous attention to the token before, its mean over the text: 0 to 1
     * @param repeats attention to the token behind the earlier place of the present one, its mean over the second half
     */
    public record Head(int layer, int head, double previous, double repeats) {}

    private final ModelConfig config;
    private final List<Head> heads = new ArrayList<>();
    private final float[] queries, keys;
    private final double[] weights = new double[2 * LENGTH];

    private HeadRoles(ModelConfig config) {
        this.config = config;
        queries = new float[2 * LENGTH * config.heads() * config.headDim()];
        keys = new float[2 * LENGTH * config.kvHeads() * config.headDim()];
    }

    /** Every head of every layer, in order. */
    public static List<Head> of(Device device, LlamaWeights weights, long seed) {
        ModelConfig config = weights.config();
        HeadRoles roles = new HeadRoles(config);
        Buffer rotary = RotaryTable.of(device, config, 2 * LENGTH);
        int kv = config.kvHeads(), d = config.headDim(), room = Device.cacheCapacity(2 * LENGTH);
        try (LlamaPass pass = new LlamaPass(device, weights, 2 * LENGTH);
                KvCache cache = new KvCache(device, 1, 2 * LENGTH, kv, d)) {
            pass.run(twice(config, seed), 0, 2 * LENGTH, (layer, a, rows) -> {
                int h = config.heads();
                device.rope(a.query, rows, h * d, h, d, rotary, rows, 0, rows, false);
                device.rope(a.key, rows, kv * d, kv, d, rotary, rows, 0, rows, false);
                device.append(cache.keys(0), cache.values(0), a.key, a.value, rows, 0, room, kv, d);
                device.attend(a.mixed, a.query, cache.keys(0), cache.values(0), rows, rows, room, h, kv, d);
                device.download(a.query, roles.queries, 0, roles.queries.length);
                device.download(a.key, roles.keys, 0, roles.keys.length);
                for (int head = 0; head < h; head++) roles.add(layer, head);
            });
        } finally {
            device.free(rotary);
        }
        return roles.heads;
    }

    private static int[] twice(ModelConfig config, long seed) {
        RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
        int[] tokens = new int[2 * LENGTH];
        for (int i = 0; i < LENGTH; i++) tokens[i] = tokens[LENGTH + i] = random.nextInt(config.vocabSize());
        return tokens;
    }

    private void add(int layer, int head) {
        double previous = 0, repeats = 0;
        for (int t = 1; t < 2 * LENGTH; t++) {
            double sum = attention(head, t);
            previous += weights[t - 1] / sum;
            if (t >= LENGTH) repeats += weights[t - LENGTH + 1] / sum;
        }
        heads.add(new Head(layer, head, previous / (2 * LENGTH - 1), repeats / LENGTH));
    }

    // Unnormalised attention of row t to rows 0 .. t, in weights; their sum.
    private double attention(int head, int t) {
        int d = config.headDim(), shared = config.heads() / config.kvHeads();
        int q = (t * config.heads() + head) * d;
        double most = Double.NEGATIVE_INFINITY;
        for (int s = 0; s <= t; s++) {
            int k = (s * config.kvHeads() + head / shared) * d;
            double score = 0;
            for (int i = 0; i < d; i++) score += (double) queries[q + i] * keys[k + i];
            weights[s] = score / Math.sqrt(d);
            most = Math.max(most, weights[s]);
        }
        double sum = 0;
        for (int s = 0; s <= t; s++) sum += weights[s] = Math.exp(weights[s] - most);
        return sum;
    }
}
