package dev.outrider.recipes;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Path;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A Spark that cannot start: masters, ports and settings of the recipe. */
class SparkErrorsTest {
    @TempDir
    Path folder;

    private String recipe;

    @BeforeEach
    void withoutSession() throws IOException {
        recipe = Tiny.recipe(folder).toString();
        var open = SparkSession.getDefaultSession();
        if (open.isDefined()) open.get().stop();
    }

    private void refused(String override, String... said) {
        CommandLineRun.of("data", recipe, override).failsWith(2, said);
        assertThat(folder.resolve("run/done/data")).doesNotExist();
    }

    @Test
    void masters() {
        refused("spark.master=banana", "spark.master 'banana'", "Could not parse Master URL", "spark://host:7077");
        refused("spark.master=local[no]", "spark.master 'local[no]'");
    }

    @Test
    void ports() throws IOException {
        refused("spark.conf={spark.ui.enabled: true, spark.ui.port: \"70000\"}", "spark.ui.port: found '70000'");
        try (ServerSocket taken = new ServerSocket(0)) {
            int port = taken.getLocalPort();
            refused(
                    "spark.conf={spark.ui.enabled: true, spark.ui.port: " + port + ", spark.port.maxRetries: 0}",
                    "spark.ui.port: found port " + port + " taken; expected a free port");
        }
    }

    @Test
    void settings() {
        refused("spark.conf={spark.executor.cores: x}", "'x' in the config \"spark.executor.cores\"", "spark.conf");
    }
}
