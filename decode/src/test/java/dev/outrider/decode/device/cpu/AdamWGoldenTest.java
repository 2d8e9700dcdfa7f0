package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Safetensors;
import dev.outrider.checkpoints.Shared;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Every step of PyTorch's AdamW behind its clipping by global norm: the twin in double, the kernel in float. */
@Tag("goldens")
class AdamWGoldenTest {
    /** What PyTorch adds to the norm before it divides. */
    private static final double CLIP_EPS = 1e-6;

    @Test
    void agreesWithPyTorch() throws Exception {
        JsonNode settings = new ObjectMapper()
                .readTree(Shared.golden("optim").resolve("adamw.json").toFile());
        List<Path> files = Shared.files("optim", ".safetensors");
        assertThat(files).isNotEmpty();
        for (Path file : files) {
            try (Safetensors golden = Safetensors.open(file)) {
                boolean doubles = golden.tensor("norm").dtype() == DType.F64;
                List<String> names = golden.names().stream()
                        .filter(name -> name.startsWith("initial."))
                        .map(name -> name.substring("initial.".length()))
                        .sorted()
                        .toList();
                assertThat(names).isNotEmpty();
                if (doubles) inDouble(golden, settings, names);
                else inFloat(golden, settings, names);
            }
        }
    }

    private static AdamW step(JsonNode s, String name, double scale, int step) {
        double decay = name.startsWith("plain.") ? 0 : s.get("decay").asDouble();
        double beta1 = s.get("betas").get(0).asDouble(),
                beta2 = s.get("betas").get(1).asDouble();
        return AdamW.step(s.get("lr").asDouble(), beta1, beta2, s.get("eps").asDouble(), decay, scale, step);
    }

    private static double scale(JsonNode settings, double norm) {
        return Math.min(1, settings.get("max_norm").asDouble() / (norm + CLIP_EPS));
    }

    /** Step t (from 0) of a tensor [steps, ...]. */
    private static double[] at(Tensor tensor, int t) {
        int n = Math.toIntExact(tensor.elements() / tensor.shape()[0]);
        return Arrays.copyOfRange(tensor.doubles(), t * n, (t + 1) * n);
    }

    private static void inDouble(Safetensors golden, JsonNode settings, List<String> names) throws Exception {
        Map<String, double[][]> state = new HashMap<>();
        for (String name : names) {
            double[] initial = golden.tensor("initial." + name).doubles();
            state.put(name, new double[][] {initial, new double[initial.length], new double[initial.length]});
        }
        for (int t = 0; t < settings.get("steps").asInt(); t++) {
            double sum = 0;
            for (String name : names) for (double g : at(golden.tensor("gradient." + name), t)) sum += g * g;
            Close.to(at(golden.tensor("norm"), t), new double[] {Math.sqrt(sum)}, 1e-12);
            for (String name : names) {
                double[][] s = state.get(name);
                double[] gradient = at(golden.tensor("gradient." + name), t);
                step(settings, name, scale(settings, Math.sqrt(sum)), t + 1).scalar(s[0], gradient, s[1], s[2]);
                Close.to(at(golden.tensor("parameter." + name), t), s[0], 1e-12);
            }
        }
        for (String name : names) {
            Close.to(golden.tensor("first_moment." + name).doubles(), state.get(name)[1], 1e-12);
            Close.to(golden.tensor("second_moment." + name).doubles(), state.get(name)[2], 1e-12);
        }
    }

    private static void inFloat(Safetensors golden, JsonNode settings, List<String> names) throws Exception {
        try (CpuDevice device = new CpuDevice(2);
                Native memory = new Native()) {
            Map<String, Buffer[]> state = new HashMap<>();
            for (String name : names) {
                Buffer p = memory.of(golden.tensor("initial." + name).floats());
                int n = (int) p.elements();
                state.put(name, new Buffer[] {p, memory.zeros(n), memory.zeros(n), memory.zeros(n)});
            }
            for (int t = 0; t < settings.get("steps").asInt(); t++) {
                update(device, golden, settings, state, t);
                for (String name : names) Close.to(at(golden.tensor("parameter." + name), t), state.get(name)[0], 1e-6);
            }
            for (String name : names) {
                Close.to(golden.tensor("first_moment." + name).doubles(), state.get(name)[1], 1e-6);
                Close.to(golden.tensor("second_moment." + name).doubles(), state.get(name)[2], 1e-6);
            }
        }
    }

    private static void update(CpuDevice device, Safetensors golden, JsonNode s, Map<String, Buffer[]> state, int t)
            throws Exception {
        double sum = 0;
        for (String name : state.keySet()) {
            Buffer g = state.get(name)[3];
            double[] gradient = at(golden.tensor("gradient." + name), t);
            for (int i = 0; i < gradient.length; i++) Lanes.set(g.address() + 4L * i, (float) gradient[i]);
            sum += device.sumOfSquares(g, g.elements());
        }
        Close.to(at(golden.tensor("norm"), t), new double[] {Math.sqrt(sum)}, 1e-6);
        double beta1 = s.get("betas").get(0).asDouble(),
                beta2 = s.get("betas").get(1).asDouble();
        for (String name : state.keySet()) {
            Buffer[] b = state.get(name);
            double decay = name.startsWith("plain.") ? 0 : s.get("decay").asDouble();
            double rate = s.get("lr").asDouble(), eps = s.get("eps").asDouble(), scale = scale(s, Math.sqrt(sum));
            device.adamW(b[0], b[3], b[1], b[2], b[0].elements(), rate, beta1, beta2, eps, decay, scale, t + 1);
        }
    }
}
