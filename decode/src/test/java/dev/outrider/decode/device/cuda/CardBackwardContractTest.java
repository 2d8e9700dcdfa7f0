package dev.outrider.decode.device.cuda;

import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.cpu.BackwardContract;
import org.junit.jupiter.api.Tag;

/** The contract on a card. */
@Tag("card")
class CardBackwardContractTest extends BackwardContract {
    @Override
    protected Device open() {
        return Cards.open();
    }
}
