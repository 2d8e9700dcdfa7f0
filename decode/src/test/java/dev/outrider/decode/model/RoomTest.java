package dev.outrider.decode.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.lang.reflect.Proxy;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class RoomTest {
    private final Set<Long> taken = new HashSet<>();

    /** Has room for so many buffers. */
    private Device device(int room) {
        return (Device) Proxy.newProxyInstance(
                Device.class.getClassLoader(), new Class<?>[] {Device.class}, (_, method, arguments) -> {
                    switch (method.getName()) {
                        case "allocate", "hold" -> {
                            if (taken.size() == room) {
                                throw new Failure(
                                        Failure.Kind.MACHINE, "card", "no room", "enough", "Use another.", null);
                            }
                            long address = 64L * (taken.size() + 1);
                            taken.add(address);
                            return new Buffer(DType.F32, address, 1L << 20);
                        }
                        case "free" -> taken.remove(((Buffer) arguments[0]).address());
                        default -> throw new UnsupportedOperationException(method.getName());
                    }
                    return null;
                });
    }

    @Test
    void cachesThatDoNotFitSayWhatToLowerAndLeaveNothing() {
        assertThatThrownBy(() -> new KvCache(device(5), 3, 100, 2, 8))
                .isInstanceOfSatisfying(Failure.class, f -> assertThat(f.kind()).isEqualTo(Failure.Kind.MACHINE))
                .hasMessage(
                        "keys and values of 100 tokens in 3 layers: card: found no room; expected enough. Use another."
                                + " A shorter context needs less.");
        assertThat(taken).isEmpty();
        try (KvCache cache = new KvCache(device(6), 3, 100, 2, 8)) {
            assertThat(taken).hasSize(6);
            assertThat(cache.keys(0)).isNotEqualTo(cache.values(0));
        }
        assertThat(taken).isEmpty();
    }

    @Test
    void weightsThatDoNotFitAreNamed() {
        Device device = device(2);
        try (HeldTensors held =
                new HeldTensors(device, name -> Tensor.of(name, new float[4], 2, 2), WeightType.STORED)) {
            held.held("a");
            held.held("b");
            assertThatThrownBy(() -> held.held("model.layers.7.mlp.up_proj.weight"))
                    .hasMessageStartingWith("weights, at model.layers.7.mlp.up_proj.weight: card: found no room")
                    .hasMessageEndingWith("Narrower weights need less: int8.");
        }
        assertThat(taken).isEmpty();
    }

    @Test
    void otherFailuresStayWhatTheyAre() {
        Failure data = Failure.data("x", "y", "z", "w");
        assertThatThrownBy(() -> Room.with("what", "remedy", () -> {
                    throw data;
                }))
                .isSameAs(data);
    }
}
