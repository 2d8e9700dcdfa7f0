package dev.outrider.trainer.loss;

import dev.outrider.checkpoints.Safetensors;
import dev.outrider.checkpoints.Shared;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** A file of the fixture {@code loss}: laws of N positions, and what PyTorch makes of them. */
record LossGolden(
        Path path,
        Safetensors file,
        int vocabulary,
        double[] target,
        double[] draft,
        int[] labels,
        int[] sequence,
        int[] mask) {
    private static final Pattern GRADIENT = Pattern.compile("(T([0-9.]+))\\.([a-z_]+)\\.grad");

    /** A loss at a temperature: {@code key} is the start of its tensors' names. */
    record Expected(String key, double temperature, String loss) {}

    /** All files; at least one if the fixture is there. */
    static List<LossGolden> all() {
        List<Path> files = Shared.files("loss", ".safetensors");
        if (files.isEmpty()) throw new AssertionError("the fixture loss is empty");
        return files.stream().map(LossGolden::read).toList();
    }

    private static LossGolden read(Path path) {
        Safetensors file = Safetensors.open(path);
        return new LossGolden(
                path,
                file,
                (int) file.tensor("draft_logits").shape()[1],
                file.tensor("target_logits").doubles(),
                file.tensor("draft_logits").doubles(),
                file.tensor("labels").ints(),
                file.tensor("sequence").ints(),
                file.tensor("mask").ints());
    }

    List<Expected> expected() {
        Set<String> names = new TreeSet<>(file.names());
        List<Expected> expected = new ArrayList<>();
        for (String name : names) {
            Matcher m = GRADIENT.matcher(name);
            if (m.matches()) {
                expected.add(new Expected(m.group(1) + "." + m.group(3), Double.parseDouble(m.group(2)), m.group(3)));
            }
        }
        if (expected.isEmpty()) throw new AssertionError(path + " holds no gradients");
        return expected;
    }

    double[] values(String name) {
        return file.tensor(name).doubles();
    }

    int positions() {
        return labels.length;
    }

    int count() {
        return Arrays.stream(mask).sum();
    }

    /** Row t of [N, V]. */
    double[] row(double[] of, int t) {
        return Arrays.copyOfRange(of, t * vocabulary, (t + 1) * vocabulary);
    }

    double[] logP(int t, double temperature) {
        return DivergenceReference.logs(row(target, t), temperature);
    }

    double[] logQ(int t, double temperature) {
        return DivergenceReference.logs(row(draft, t), temperature);
    }

    /** The counted positions that share μ and σ with position t. */
    int[] together(Divergence.Scope scope, int t) {
        return IntStream.range(0, positions())
                .filter(i -> mask[i] == 1)
                .filter(i -> switch (scope) {
                    case POSITION -> i == t;
                    case SEQUENCE -> sequence[i] == sequence[t];
                    case BATCH -> true;
                })
                .toArray();
    }

    /** Logits so far apart that float32 is held to less. */
    boolean extreme() {
        return Arrays.stream(draft).map(Math::abs).max().orElseThrow() > 40;
    }

    /** The loss of a golden name; acceptance, which is 1 - TVD, as TVD. */
    static Divergence.PerPosition loss(String name) {
        return switch (name) {
            case "kl_pq" -> new ForwardKl();
            case "kl_qp" -> new ReverseKl();
            case "jsd" -> new JensenShannon();
            case "tvd", "acceptance" -> new TotalVariation();
            case "ce" -> new LabelCrossEntropy();
            case "tvdpp_position" -> plus(Divergence.Scope.POSITION);
            case "tvdpp_sequence" -> plus(Divergence.Scope.SEQUENCE);
            case "tvdpp_batch" -> plus(Divergence.Scope.BATCH);
            default -> throw new AssertionError("no loss for " + name);
        };
    }

    private static Divergence.PerPosition plus(Divergence.Scope scope) {
        return new TotalVariationPlus(scope, new TotalVariationPlus.Exact());
    }

    @Override
    public String toString() {
        return path.getFileName().toString();
    }
}
