package dev.outrider.decode.device.cuda;

import dev.outrider.decode.device.Device;
import org.junit.jupiter.api.Tag;

/** A whole model on a card. */
@Tag("card")
class CardLlamaTest extends CudaLlamaContract {
    @Override
    Device open() {
        return Cards.open();
    }
}
