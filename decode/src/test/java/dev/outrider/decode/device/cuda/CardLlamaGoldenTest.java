package dev.outrider.decode.device.cuda;

import dev.outrider.decode.device.Device;
import dev.outrider.decode.model.LlamaGoldenTest;
import org.junit.jupiter.api.Tag;

/** What transformers computed, on a card. */
@Tag("card")
class CardLlamaGoldenTest extends LlamaGoldenTest {
    @Override
    protected Device open() {
        return Cards.open();
    }
}
