package dev.outrider.data;

import java.lang.management.ManagementFactory;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.spark.sql.SparkSession;

/**
 * Opens Spark: {@code local[*]} unless another master is named. Without its web page and progress bars; how
 * much it logs is the logger's configuration. One session per process: an open one is returned as it is.
 */
public final class Sessions {
    public static final String LOCAL = "local[*]";

    private Sessions() {}

    /**
     * @param conf Spark's own keys; they win over what is set here
     * @throws dev.outrider.checkpoints.Failure USAGE for a master, a setting or a port that Spark cannot use
     */
    public static SparkSession open(String master, Map<String, String> conf) {
        Map<String, String> settings = new TreeMap<>(defaults(master));
        settings.putAll(conf);
        SparkSession.Builder builder =
                SparkSession.builder().appName("outrider").master(master);
        settings.forEach(builder::config);
        if (SparkSession.getDefaultSession().isEmpty()) Ports.check(settings);
        try {
            return builder.getOrCreate();
        } catch (Exception e) {
            throw SparkFailures.opening(master, e);
        }
    }

    public static SparkSession local() {
        return open(LOCAL, Map.of());
    }

    private static Map<String, String> defaults(String master) {
        Map<String, String> out = new TreeMap<>();
        out.put("spark.ui.enabled", "false");
        out.put("spark.ui.showConsoleProgress", "false");
        out.put("spark.sql.session.timeZone", "UTC");
        out.put("spark.executor.extraJavaOptions", moduleOptions());
        if (master.startsWith("local")) {
            String cores = Integer.toString(Runtime.getRuntime().availableProcessors());
            out.put("spark.sql.shuffle.partitions", cores);
            out.put("spark.driver.host", "localhost");
            out.put("spark.driver.bindAddress", "127.0.0.1");
        }
        return out;
    }

    // Executors need the same openings of the JDK as this process.
    private static String moduleOptions() {
        return ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(a -> a.startsWith("--") || a.startsWith("-Dorg.bytedeco."))
                .collect(Collectors.joining(" "));
    }
}
