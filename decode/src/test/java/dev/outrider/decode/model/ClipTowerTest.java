package dev.outrider.decode.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.ClipConfig;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Safetensors;
import dev.outrider.checkpoints.Shared;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.checkpoints.Tower;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.CpuDevice;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every hidden state of towers that transformers ran. */
@Tag("goldens")
class ClipTowerTest {
    static List<Path> cases() {
        return Shared.cases("clip");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void hiddenStatesAgree(Path folder) {
        try (CpuDevice device = new CpuDevice(2);
                Tower tower = Tower.open(folder.resolve("model"));
                Safetensors expected = Safetensors.open(folder.resolve("expected.safetensors"))) {
            ClipConfig config = tower.config();
            float[] pixels = expected.tensor("pixel_values").floats();
            int pictures = pixels.length / config.pictureValues();
            for (int layers = 0; layers <= config.layers(); layers++) {
                Tensor hidden = expected.tensor("hidden." + layers);
                float[] ours = hidden(device, tower, layers, pixels, pictures);
                close(hidden.floats(), ours, "hidden " + layers);
            }
        }
    }

    private static float[] hidden(CpuDevice device, Tower tower, int layers, float[] pixels, int pictures) {
        int size = tower.config().pictureValues(),
                n = (tower.config().patches() + 1) * tower.config().hiddenSize();
        float[] all = new float[pictures * n];
        Buffer into = device.allocate(DType.F32, n);
        try (ClipTower clip = new ClipTower(device, tower, layers)) {
            for (int i = 0; i < pictures; i++) {
                clip.hidden(Arrays.copyOfRange(pixels, i * size, (i + 1) * size), into);
                device.download(into, all, i * n, n);
            }
        }
        return all;
    }

    static void close(float[] expected, float[] ours, String what) {
        assertThat(ours).as(what).hasSameSizeAs(expected);
        double most = 0, worst = 0;
        for (int i = 0; i < ours.length; i++) {
            most = Math.max(most, Math.abs(expected[i]));
            worst = Math.max(worst, Math.abs(expected[i] - (double) ours[i]));
        }
        assertThat(worst)
                .as("%s: largest difference, of values up to %s", what, most)
                .isLessThan(1e-4 * most);
    }
}
