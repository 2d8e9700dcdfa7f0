package dev.outrider.data;

import dev.outrider.checkpoints.Failure;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import org.apache.spark.SparkThrowable;
import org.apache.spark.sql.AnalysisException;

/** Brings a {@link Failure} of a Spark task, wrapped on its way to the driver, back as itself. */
public final class SparkFailures {
    private SparkFailures() {}

    /** Failures of the job as they were thrown; unwritable disks as UncheckedIOException. */
    public static <T> T unwrapped(Supplier<T> job) {
        try {
            return job.get();
        } catch (Exception e) {
            // Spark's own exceptions are checked ones that Scala throws unannounced.
            throw unwrap(e);
        }
    }

    /** Why Spark did not start: it depends on nothing but the master and the settings. */
    static Failure opening(String master, Exception e) {
        String complaint = complaint(e);
        return new Failure(
                Failure.Kind.USAGE,
                "spark.master '" + master + "'",
                complaint,
                "a master that can be reached (local[*], spark://host:7077, yarn, k8s://..) and settings that Spark"
                        + " knows",
                "Correct spark.master or spark.conf.",
                e);
    }

    /** Spark's complaint about an absent path or column, as a Failure. */
    public static <T> T reading(List<String> paths, Callable<T> read) {
        try {
            return read.call();
        } catch (AnalysisException e) {
            throw Failure.usage(
                    String.join(", ", paths),
                    complaint(e),
                    "readable input",
                    "Correct the paths or names of the input.");
        } catch (Exception e) {
            throw unwrap(e);
        }
    }

    // Spark's first line without "[PATH_NOT_FOUND]" before it and "SQLSTATE: .." behind it.
    private static String complaint(Exception e) {
        String line = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
        return line.replaceAll("^\\[[A-Z_.]+] |\\.? ?SQLSTATE: \\w+$", "");
    }

    /** The Failure among the causes, or one for a file that Spark cannot read; else what is thrown, unchecked. */
    public static RuntimeException unwrap(Throwable thrown) {
        for (Throwable t = thrown; t != null; t = t.getCause()) {
            if (t instanceof Failure failure) return failure;
            if (t instanceof IOException io) return new UncheckedIOException(io);
            if (t instanceof SparkThrowable s && unreadable(s)) return damaged(t);
        }
        return thrown instanceof RuntimeException e ? e : new IllegalStateException(thrown);
    }

    private static boolean unreadable(SparkThrowable t) {
        String condition = String.valueOf(t.getCondition());
        return condition.startsWith("FAILED_READ_FILE") || condition.startsWith("CANNOT_READ_FILE_FOOTER");
    }

    private static Failure damaged(Throwable t) {
        return Failure.data("input", t.getMessage(), "whole files of their format", "Replace the damaged file.");
    }
}
