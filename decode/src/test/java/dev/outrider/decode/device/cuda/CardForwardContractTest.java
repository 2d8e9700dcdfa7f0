package dev.outrider.decode.device.cuda;

import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.cpu.ForwardContract;
import org.junit.jupiter.api.Tag;

/** The contract on a card. */
@Tag("card")
class CardForwardContractTest extends ForwardContract {
    @Override
    protected Device open() {
        return Cards.open();
    }
}
