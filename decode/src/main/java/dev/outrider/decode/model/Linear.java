package dev.outrider.decode.model;

import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.Optional;

/** A matrix [out, in] and, in some models, a bias [out]. */
record Linear(Buffer weight, Optional<Buffer> bias, int in, int out) {
    /** y[rows, out] = x[rows, in] · weightᵀ + bias + beta · y. */
    void apply(Device device, Buffer y, Buffer x, int rows, float beta) {
        device.linear(y, x, weight, rows, in, out, beta);
        if (bias.isPresent()) device.addBias(y, bias.get(), rows, out);
    }
}
