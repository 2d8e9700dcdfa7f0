package dev.outrider.data;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import java.io.IOException;
import java.net.ServerSocket;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PortsTest {
    private static Map<String, String> page(String port, String retries) {
        return Map.of("spark.ui.enabled", "true", "spark.ui.port", port, "spark.port.maxRetries", retries);
    }

    private static void refused(Map<String, String> settings, String... said) {
        assertThatThrownBy(() -> Ports.check(settings))
                .isInstanceOfSatisfying(Failure.class, f -> {
                    if (f.exitCode() != 2) throw f;
                })
                .message()
                .contains(said);
    }

    @ParameterizedTest
    @ValueSource(strings = {"70000", "65536", "1023", "-1", "http", ""})
    void numbersThatAreNoPorts(String port) {
        refused(page(port, "0"), "spark.ui.port: found '" + port + "'", "1024 to 65535, or 0");
        refused(
                Map.of("spark.ui.enabled", "false", "spark.driver.port", port),
                "spark.driver.port: found '" + port + "'");
    }

    @Test
    void aPortThatIsTaken() throws IOException {
        try (ServerSocket taken = new ServerSocket(0)) {
            String port = Integer.toString(taken.getLocalPort());
            refused(page(port, "0"), "spark.ui.port: found port " + port + " taken; expected a free port", "0 for any");
            assertThatCode(() -> Ports.check(Map.of("spark.ui.enabled", "false", "spark.ui.port", port)))
                    .doesNotThrowAnyException();
            assertThatCode(() -> Ports.check(page(port, "64"))).doesNotThrowAnyException();
        }
        assertThatCode(() -> Ports.check(page("0", "0"))).doesNotThrowAnyException();
    }
}
