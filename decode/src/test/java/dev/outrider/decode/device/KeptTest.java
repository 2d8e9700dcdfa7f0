package dev.outrider.decode.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class KeptTest {
    @Test
    void thoseAskedForLastAreKeptAndOthersReleased() {
        List<String> made = new ArrayList<>(), released = new ArrayList<>();
        Kept<Integer, String> kept = new Kept<>(
                3,
                key -> {
                    made.add("v" + key);
                    return "v" + key;
                },
                released::add);
        for (int key : new int[] {1, 2, 3, 1, 4, 1, 5}) assertThat(kept.of(key)).isEqualTo("v" + key);
        assertThat(made).containsExactly("v1", "v2", "v3", "v4", "v5");
        assertThat(released).containsExactly("v2", "v3");
        assertThat(kept.values()).containsExactlyInAnyOrder("v1", "v4", "v5");
        kept.of(2);
        assertThat(released).containsExactly("v2", "v3", "v4");
        kept.clear();
        assertThat(kept.values()).isEmpty();
    }
}
