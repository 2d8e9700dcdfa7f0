package dev.outrider.decode.device.cuda;

import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.Precision;
import dev.outrider.decode.device.cpu.MixedContract;
import org.junit.jupiter.api.Tag;

/** The contract on a card. */
@Tag("card")
class CardMixedContractTest extends MixedContract {
    @Override
    protected Device open() {
        return Cards.open(Precision.BF16);
    }
}
