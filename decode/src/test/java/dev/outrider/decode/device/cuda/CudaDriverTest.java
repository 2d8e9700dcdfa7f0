package dev.outrider.decode.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import org.junit.jupiter.api.Test;

/** What the driver says of itself and of its cards. */
class CudaDriverTest {
    private final FakeDriver fake = new FakeDriver();

    @Test
    void cards() {
        fake.cards = 2;
        CudaDriver driver = CudaDriver.of(fake.symbols());
        assertThat(driver.version()).isEqualTo(12_080);
        assertThat(driver.versionText()).isEqualTo("12.8");
        assertThat(driver.count()).isEqualTo(2);
        assertThat(driver.card(1))
                .isEqualTo(new CudaCard(
                        1, "Fake H100", 9, 0, 1L << 32, 132, 227 << 10, 1_980_000, 2_619_000, 5120, 50 << 20));
        assertThat(driver.card(1).arch()).isEqualTo("sm_90");
        assertThat(driver.card(1).peakBandwidth()).isEqualTo(3_352_320_000_000.0); // an H100's, as NVIDIA says
        assertThat(fake.complaints).isEmpty();
    }

    @Test
    void aCardThatIsNotThere() {
        CudaDriver driver = CudaDriver.of(fake.symbols());
        failsWith(() -> driver.card(1), Failure.Kind.USAGE, "GPU 1", "one card, of number 0");
        failsWith(() -> driver.card(-1), Failure.Kind.USAGE, "GPU -1");
        failsWith(() -> driver.context(1), Failure.Kind.USAGE, "GPU 1");
    }

    @Test
    void aDriverWithoutACard() {
        fake.cards = 0;
        CudaDriver driver = CudaDriver.of(fake.symbols());
        assertThat(driver.count()).isZero();
        failsWith(() -> driver.card(0), Failure.Kind.USAGE, "no card", "CUDA_VISIBLE_DEVICES");
    }

    @Test
    void aDriverThatIsTooOld() {
        fake.version = 11_080;
        failsWith(() -> CudaDriver.of(fake.symbols()), Failure.Kind.MACHINE, "CUDA 11.8", "CUDA 12 or 13", "Update");
    }

    @Test
    void aDriverThatLacksAFunction() {
        failsWith(
                () -> CudaDriver.of(fake.without("cuGraphInstantiateWithFlags")),
                Failure.Kind.MACHINE,
                "no function cuGraphInstantiateWithFlags",
                "Update the NVIDIA driver");
    }

    @Test
    void aDriverThatDoesNotStart() {
        fake.fail("cuInit", 1, FakeDriver.UNKNOWN);
        failsWith(() -> CudaDriver.of(fake.symbols()), Failure.Kind.MACHINE, "CUDA_ERROR_UNKNOWN (unknown)", "cuInit");
        fake.fail("cuInit", 1, 12345);
        failsWith(() -> CudaDriver.of(fake.symbols()), Failure.Kind.MACHINE, "error 12345", "cuInit");
    }

    static void failsWith(Runnable body, Failure.Kind kind, String... words) {
        assertThatThrownBy(body::run)
                .isInstanceOfSatisfying(Failure.class, f -> assertThat(f.kind()).isEqualTo(kind))
                .hasMessageContainingAll(words);
    }
}
