package dev.outrider.decode.device.cuda;

import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.cpu.AttentionContract;
import org.junit.jupiter.api.Tag;

/** The contract on a card. */
@Tag("card")
class CardAttentionContractTest extends AttentionContract {
    @Override
    protected Device open() {
        return Cards.open();
    }
}
