package dev.outrider.trainer.loss;

import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.trainer.Batch;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The float kernels, driven as the trainer drives them, against PyTorch in float64: 1e-5 of max abs, 1e-4
 * where logits are extreme.
 */
@Tag("goldens")
class KernelGoldensTest {
    @Test
    void gradientsAgree() {
        try (CpuDevice device = new CpuDevice(2)) {
            for (LossGolden golden : LossGolden.all()) {
                for (LossGolden.Expected e : golden.expected()) gradient(device, golden, e);
            }
        }
    }

    private static void gradient(CpuDevice device, LossGolden golden, LossGolden.Expected e) {
        Layout layout = new Layout(golden);
        float[] rows = layout.spread(golden.draft());
        try (Distillation loss = layout.loss(device, e)) {
            loss.beginStep(0);
            Cases.run(loss, layout.batch(golden.mask()), rows, golden.vocabulary(), layout.time, 1.0 / golden.count());
            double sign = e.loss().equals("acceptance") ? -1 : 1;
            double[] found = layout.collect(rows, sign * loss.gradientScale());
            Cases.close(golden + " " + e.key(), golden.values(e.key() + ".grad"), found, tolerance(golden));
        }
    }

    private static double tolerance(LossGolden golden) {
        return golden.extreme() ? 1e-4 : 1e-5;
    }

    @Test
    void valuesAgree() {
        try (CpuDevice device = new CpuDevice(1)) {
            for (LossGolden golden : LossGolden.all()) {
                for (LossGolden.Expected e : golden.expected()) values(device, golden, e);
            }
        }
    }

    private static void values(CpuDevice device, LossGolden golden, LossGolden.Expected e) {
        if (e.loss().startsWith("tvdpp")) return; // a surrogate, not a loss
        Layout layout = new Layout(golden);
        double[] found = new double[golden.positions()];
        try (Distillation loss = layout.loss(device, e)) {
            for (int t = 0; t < found.length; t++) {
                int[] alone = new int[found.length];
                alone[t] = 1;
                float[] rows = layout.spread(golden.draft());
                double sum = Cases.run(loss, layout.batch(alone), rows, golden.vocabulary(), layout.time, 1);
                found[t] = e.loss().equals("acceptance") ? loss.acceptanceSum() : sum;
            }
        }
        Cases.close(golden + " " + e.key(), golden.values(e.key() + ".value"), found, tolerance(golden));
    }

    /** A golden's positions as a batch: sequences padded to the longest, what was added does not count. */
    private static final class Layout {
        final LossGolden golden;
        final int sequences;
        final int time;
        private final int[] at;

        Layout(LossGolden golden) {
            this.golden = golden;
            int[] lengths = new int[golden.positions()];
            int longest = 0, last = 0;
            at = new int[golden.positions()];
            for (int t = 0; t < at.length; t++) {
                at[t] = lengths[golden.sequence()[t]]++;
                longest = Math.max(longest, lengths[golden.sequence()[t]]);
                last = Math.max(last, golden.sequence()[t]);
            }
            time = longest;
            sequences = last + 1;
            for (int t = 0; t < at.length; t++) at[t] += golden.sequence()[t] * time;
        }

        Batch batch(int[] mask) {
            int[] labels = new int[sequences * time];
            byte[] counted = new byte[sequences * time];
            for (int t = 0; t < at.length; t++) {
                labels[at[t]] = golden.labels()[t];
                counted[at[t]] = (byte) mask[t];
            }
            return new Batch(sequences, time, new int[sequences * time], labels, counted);
        }

        Distillation loss(CpuDevice device, LossGolden.Expected e) {
            FixedTeacher teacher = new FixedTeacher(spread(golden.target()), golden.vocabulary());
            return new Distillation(device, teacher, LossGolden.loss(e.loss()), e.temperature());
        }

        float[] spread(double[] rows) {
            int v = golden.vocabulary();
            float[] out = new float[sequences * time * v];
            for (int t = 0; t < at.length; t++) {
                for (int i = 0; i < v; i++) out[at[t] * v + i] = (float) rows[t * v + i];
            }
            return out;
        }

        double[] collect(float[] rows, double factor) {
            int v = golden.vocabulary();
            double[] out = new double[golden.positions() * v];
            for (int t = 0; t < at.length; t++) {
                for (int i = 0; i < v; i++) out[t * v + i] = factor * rows[at[t] * v + i];
            }
            return out;
        }
    }
}
