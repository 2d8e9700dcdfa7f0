package dev.outrider.trainer;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.ModelConfig;
import java.util.List;

/** A LLaMA in plain double loops, over chosen layers of a checkpoint: one forward pass, nothing kept. */
final class ScalarLlama {
    private final Checkpoint checkpoint;
    private final ModelConfig config;
    private final List<Integer> layers;

    ScalarLlama(Checkpoint checkpoint, List<Integer> layers) {
        this.checkpoint = checkpoint;
        this.config = checkpoint.config();
        this.layers = layers;
    }

    /** Logits [T][V] of one sequence. */
    double[][] logits(int[] ids) {
        double[][] table = matrix("model.embed_tokens.weight"), x = new double[ids.length][];
        for (int t = 0; t < ids.length; t++) x[t] = table[ids[t]].clone();
        for (int layer : layers) {
            String at = "model.layers." + layer + ".";
            add(x, attention(at + "self_attn.", norm(x, at + "input_layernorm.weight")));
            add(x, mlp(at + "mlp.", norm(x, at + "post_attention_layernorm.weight")));
        }
        double[][] head = config.tiedEmbeddings() ? table : matrix("lm_head.weight");
        return product(norm(x, "model.norm.weight"), head);
    }

    private double[][] attention(String at, double[][] x) {
        double[][] q = linear(at + "q_proj", x), k = linear(at + "k_proj", x), v = linear(at + "v_proj", x);
        int d = config.headDim(), shared = config.heads() / config.kvHeads();
        rotate(q, config.heads());
        rotate(k, config.kvHeads());
        double[][] out = new double[x.length][config.heads() * d];
        for (int h = 0; h < config.heads(); h++) {
            for (int t = 0; t < x.length; t++) attend(out[t], q[t], k, v, t, h * d, h / shared * d);
        }
        return linear(at + "o_proj", out);
    }

    private void attend(double[] out, double[] q, double[][] k, double[][] v, int t, int at, int kv) {
        int d = config.headDim();
        double[] weights = new double[t + 1];
        double sum = 0;
        for (int s = 0; s <= t; s++) {
            double score = 0;
            for (int i = 0; i < d; i++) score += q[at + i] * k[s][kv + i];
            weights[s] = Math.exp(score / Math.sqrt(d));
            sum += weights[s];
        }
        for (int s = 0; s <= t; s++) {
            for (int i = 0; i < d; i++) out[at + i] += weights[s] / sum * v[s][kv + i];
        }
    }

    private void rotate(double[][] x, int heads) {
        double[] frequencies = config.inverseFrequencies();
        int d = config.headDim();
        for (int t = 0; t < x.length; t++) {
            for (int h = 0; h < heads; h++) {
                for (int i = 0; i < d / 2; i++) rotate(x[t], h * d + i, h * d + i + d / 2, t * frequencies[i]);
            }
        }
    }

    private static void rotate(double[] x, int a, int b, double angle) {
        double first = x[a], second = x[b];
        x[a] = first * Math.cos(angle) - second * Math.sin(angle);
        x[b] = second * Math.cos(angle) + first * Math.sin(angle);
    }

    private double[][] mlp(String at, double[][] x) {
        double[][] gate = linear(at + "gate_proj", x), up = linear(at + "up_proj", x);
        for (int t = 0; t < x.length; t++) {
            for (int i = 0; i < gate[t].length; i++) gate[t][i] *= up[t][i] / (1 + Math.exp(-gate[t][i]));
        }
        return linear(at + "down_proj", gate);
    }

    private double[][] norm(double[][] x, String gain) {
        double[] g = checkpoint.tensor(gain).doubles();
        double[][] out = new double[x.length][g.length];
        for (int t = 0; t < x.length; t++) {
            double squares = 0;
            for (double value : x[t]) squares += value * value;
            double scale = 1 / Math.sqrt(squares / g.length + config.rmsNormEps());
            for (int i = 0; i < g.length; i++) out[t][i] = x[t][i] * scale * g[i];
        }
        return out;
    }

    private double[][] linear(String name, double[][] x) {
        double[][] y = product(x, matrix(name + ".weight"));
        if (!checkpoint.has(name + ".bias")) return y;
        double[] bias = checkpoint.tensor(name + ".bias").doubles();
        for (double[] row : y) for (int i = 0; i < bias.length; i++) row[i] += bias[i];
        return y;
    }

    private double[][] matrix(String name) {
        double[] flat = checkpoint.tensor(name).doubles();
        int rows = (int) checkpoint.tensor(name).shape()[0], width = flat.length / rows;
        double[][] out = new double[rows][width];
        for (int i = 0; i < flat.length; i++) out[i / width][i % width] = flat[i];
        return out;
    }

    /** x · wᵀ. */
    private static double[][] product(double[][] x, double[][] w) {
        double[][] y = new double[x.length][w.length];
        for (int t = 0; t < x.length; t++) {
            for (int o = 0; o < w.length; o++) {
                for (int i = 0; i < x[t].length; i++) y[t][o] += x[t][i] * w[o][i];
            }
        }
        return y;
    }

    private static void add(double[][] x, double[][] more) {
        for (int t = 0; t < x.length; t++) for (int i = 0; i < x[t].length; i++) x[t][i] += more[t][i];
    }
}
