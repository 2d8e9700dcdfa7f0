package dev.outrider.data;

import dev.outrider.checkpoints.Failure;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.List;
import java.util.Map;

/** Ports that Spark is told to listen on, tried before it starts: for its web page it would end the process. */
final class Ports {
    private static final String PAGE = "spark.ui.port", RETRIES = "spark.port.maxRetries";
    private static final List<String> OTHERS =
            List.of("spark.driver.port", "spark.blockManager.port", "spark.driver.blockManager.port");
    private static final int FIRST = 1024, LAST = 65535;

    private Ports() {}

    /** @throws Failure USAGE naming the key for one that is no port, or taken like all that follow it */
    static void check(Map<String, String> settings) {
        int retries = number(RETRIES, settings.getOrDefault(RETRIES, "16"), 0, LAST);
        if (settings.getOrDefault("spark.ui.enabled", "true").equals("true")) {
            check(PAGE, settings.getOrDefault(PAGE, "4040"), retries);
        }
        for (String key : OTHERS) if (settings.containsKey(key)) check(key, settings.get(key), retries);
    }

    // 0 lets the system choose.
    private static void check(String key, String value, int retries) {
        int port = value.strip().equals("0") ? 0 : number(key, value, FIRST, LAST);
        for (int p = port; p <= Math.min(LAST, port + retries); p++) if (free(p)) return;
        throw Failure.usage(
                key,
                "port " + port + (retries == 0 ? "" : " and the " + retries + " after it") + " taken",
                "a free port",
                "Choose another one, or 0 for any: spark.conf={" + key + ": 0}.");
    }

    private static int number(String key, String value, int from, int to) {
        try {
            int number = Integer.parseInt(value.strip());
            if (number >= from && number <= to) return number;
        } catch (NumberFormatException e) {
            // Reported like a number out of range.
        }
        String expected = from + " to " + to + (from == FIRST ? ", or 0 for any free port" : "");
        throw Failure.usage(key, "'" + value + "'", expected, "Correct it in spark.conf.");
    }

    private static boolean free(int port) {
        try (ServerSocket socket = new ServerSocket()) {
            socket.bind(new InetSocketAddress(port));
            return true;
        } catch (IOException e) {
            return false;
        }
    }
}
