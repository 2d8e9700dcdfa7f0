package dev.outrider.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.Provenance;
import dev.outrider.checkpoints.Safetensors;
import dev.outrider.checkpoints.Shared;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Llama;
import dev.outrider.trainer.layer.LlamaGraph;
import dev.outrider.trainer.loss.CrossEntropy;
import dev.outrider.trainer.loss.Distillation;
import dev.outrider.trainer.loss.ForwardKl;
import dev.outrider.trainer.loss.TokenLoss;
import dev.outrider.trainer.loss.TotalVariation;
import dev.outrider.trainer.loss.TotalVariationPlus;
import dev.outrider.trainer.optim.Schedule;
import dev.outrider.trainer.telemetry.Metrics;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whole optimiser steps against PyTorch: forward, loss, backward, clipping, schedule, AdamW, in this order. */
@Tag("goldens")
class TrainGoldensTest {
    private static final double TOLERANCE = 1e-4;

    @TempDir
    Path folder;

    static Stream<Path> runs() {
        return Shared.files("train", ".json").stream();
    }

    @ParameterizedTest
    @MethodSource("runs")
    void equalsPyTorch(Path file) throws IOException {
        JsonNode expected = new ObjectMapper().readTree(file.toFile());
        String kind = file.getFileName().toString().replace(".json", "").replace("distil-", "");
        try (Safetensors arrays = Safetensors.open(Path.of(file.toString().replace(".json", ".safetensors")));
                CpuDevice device = new CpuDevice(2);
                Checkpoint start =
                        Checkpoint.open(Shared.golden(expected.path("start").asText()));
                LlamaGraph graph = LlamaGraph.from(start, device);
                Teacher teacher = teacher(expected, kind, device, arrays.tensor("batches"));
                Trainer trainer = trainer(
                        graph,
                        expected,
                        (int) arrays.tensor("batches").shape()[1],
                        rows(arrays.tensor("batches"), kind),
                        loss(kind, teacher, device))) {
            for (int step = 0; step < expected.path("steps").asInt(); step++) {
                Map<String, Double> values = trainer.step(step);
                assertThat(values.get("rate"))
                        .isCloseTo(expected.path("rate").get(step).asDouble(), within(1e-12));
                close(
                        "loss of step " + step,
                        values.get("golden/loss"),
                        expected.path("loss").get(step).asDouble());
                close(
                        "norm of step " + step,
                        values.get("norm"),
                        expected.path("norm").get(step).asDouble());
            }
            compare(graph, arrays, expected);
        }
    }

    private static void close(String what, double actual, double expected) {
        assertThat(actual).as(what).isCloseTo(expected, within(TOLERANCE * Math.abs(expected)));
    }

    private static void compare(LlamaGraph graph, Safetensors arrays, JsonNode expected) {
        for (Tensor tensor : graph.tensors()) {
            double[] ours = tensor.doubles();
            double norm = Math.sqrt(Arrays.stream(ours).map(v -> v * v).sum());
            if (expected.path("final_l2").has(tensor.name())) {
                close(
                        "norm of " + tensor.name(),
                        norm,
                        expected.path("final_l2").path(tensor.name()).asDouble());
            }
            String golden = "final." + tensor.name();
            if (!arrays.names().contains(golden)) continue;
            double[] theirs = arrays.tensor(golden).doubles();
            double most = Arrays.stream(theirs).map(Math::abs).max().orElseThrow();
            for (int i = 0; i < ours.length; i++) {
                assertThat(ours[i]).as(golden + "[" + i + "]").isCloseTo(theirs[i], within(1e-3 * most));
            }
        }
    }

    private static Teacher teacher(JsonNode expected, String kind, CpuDevice device, Tensor batches) {
        if (kind.equals("pretrain")) return null;
        Path target = Shared.golden(expected.path("start").asText()).resolveSibling("target");
        return new TargetTeacher(Llama.open(target, device, (int) batches.shape()[2]), device);
    }

    private static TokenLoss loss(String kind, Teacher teacher, CpuDevice device) {
        return switch (kind) {
            case "pretrain" -> new CrossEntropy(device.threads());
            case "kl" -> new Distillation(device, teacher, new ForwardKl(), 1);
            case "tvd" -> new Distillation(device, teacher, new TotalVariation(), 1);
            case "tvdpp" -> new Distillation(device, teacher, new TotalVariationPlus(), 1);
            default -> throw new AssertionError("no loss for " + kind);
        };
    }

    // Every position counts in distillation; in pre-training all that have a next token.
    private static Source.Rows rows(Tensor batches, String kind) {
        int[] ids = batches.ints();
        int time = (int) batches.shape()[2];
        return (from, count) -> {
            int at = (int) from * time;
            int[] tokens = Arrays.copyOfRange(ids, at, at + count * time);
            byte[] all = new byte[tokens.length];
            Arrays.fill(all, (byte) 1);
            Batch next = Batch.nextToken(count, time, tokens, all);
            return kind.equals("pretrain") ? next : new Batch(count, time, tokens, next.labels(), all);
        };
    }

    private Trainer trainer(LlamaGraph graph, JsonNode e, int batch, Source.Rows rows, TokenLoss loss) {
        TrainerOptions options = new TrainerOptions(
                e.path("steps").asLong(),
                batch,
                batch,
                Schedule.linear(
                        e.path("lr").asDouble(),
                        e.path("warmup").asLong(),
                        e.path("steps").asLong()),
                e.path("betas").get(0).asDouble(),
                e.path("betas").get(1).asDouble(),
                e.path("eps").asDouble(),
                e.path("decay").asDouble(),
                e.path("max_norm").asDouble(),
                0,
                1,
                0,
                0,
                1,
                0);
        TrainerStore store = new TrainerStore(folder, 1, Optional.empty(), Provenance.now("test", "", 1, "", ""));
        return new Trainer(
                graph,
                options,
                List.of(new Source("golden", rows, loss, 1)),
                Optional.empty(),
                store,
                Metrics.none(),
                new PrintStream(OutputStream.nullOutputStream()));
    }
}
