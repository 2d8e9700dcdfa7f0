package dev.outrider.decode.model;

import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** A matrix [out, in] and, in some models, a bias [out]. */
record Linear(Buffer weight, Optional<Buffer> bias, int in, int out) {
    /** y[rows, out] = x[rows, in] · weightᵀ + bias + beta · y. */
    void apply(Device device, Buffer y, Buffer x, int rows, float beta) {
        device.linear(y, x, weight, rows, in, out, beta);
        if (bias.isPresent()) device.addBias(y, bias.get(), rows, out);
    }

    /** Several of the same inputs, all reading the same rows, to y[i] each. */
    record Several(List<Linear> each, List<Buffer> weights) {
        static Several of(Linear... each) {
            return new Several(
                    List.of(each), Stream.of(each).map(Linear::weight).toList());
        }

        void apply(Device device, List<Buffer> y, Buffer x, int rows) {
            device.linearEach(y, x, weights, rows, each.getFirst().in);
            for (int i = 0; i < each.size(); i++) {
                Linear linear = each.get(i);
                if (linear.bias.isPresent()) device.addBias(y.get(i), linear.bias.get(), rows, linear.out);
            }
        }
    }
}
