package dev.outrider.decode.bench;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.device.cpu.GemmRate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Runs the benchmarks and prints each beside the machine's rate of reading memory, measured in the same run. */
public final class Kernels {
    private Kernels() {}

    /** One measured case: its parameter values in order and its time in seconds. */
    private record Case(List<String> parameters, double seconds) {}

    public static void main(String[] arguments) throws RunnerException {
        read(); // on virtual machines the first large block of memory is slow
        double before = read();
        List<Case> products = run(DraftProducts.class, "model", "type", "rows");
        List<Case> laws = run(Laws.class, "filter");
        double after = read(), rate = Math.max(before, after);
        line("reading memory: %.1f GB/s before, %.1f after%n", before, after);
        line("%nproducts of a pass                 ms     GB/s   of reading   passes of one row%n");
        for (Case c : products) product(c, alone(c, products), rate);
        line("%na law over 32,000 tokens          ms     of a one-row F32 pass%n");
        double pass = products.getFirst().seconds;
        for (Case c : laws) {
            line("%-30s %7.3f   %5.1f %%%n", c.parameters.getFirst(), 1e3 * c.seconds, 100 * c.seconds / pass);
        }
    }

    private static void product(Case c, Case alone, double rate) {
        double bytes = DraftProducts.Shape.valueOf(c.parameters.get(0)).bytes(DType.valueOf(c.parameters.get(1)));
        double gigabytes = bytes / c.seconds / 1e9;
        line(
                "%-7s %-4s %2s rows          %8.2f  %7.1f   %6.0f %%     %8.2f%n",
                c.parameters.get(0),
                c.parameters.get(1),
                c.parameters.get(2),
                1e3 * c.seconds,
                gigabytes,
                100 * gigabytes / rate,
                c.seconds / alone.seconds);
    }

    private static Case alone(Case c, List<Case> all) {
        return all.stream()
                .filter(a -> a.parameters.equals(List.of(c.parameters.get(0), c.parameters.get(1), "1")))
                .findFirst()
                .orElseThrow();
    }

    private static double read() {
        try (CpuDevice device = new CpuDevice()) {
            return GemmRate.readGigabytes(device);
        }
    }

    private static List<Case> run(Class<?> benchmark, String... parameters) throws RunnerException {
        Collection<RunResult> results = new Runner(new OptionsBuilder()
                        .include("\\." + benchmark.getSimpleName() + "\\.")
                        .mode(Mode.SampleTime)
                        .timeUnit(TimeUnit.SECONDS)
                        .warmupIterations(2)
                        .warmupTime(TimeValue.seconds(1))
                        .measurementIterations(3)
                        .measurementTime(TimeValue.seconds(1))
                        .forks(1)
                        .shouldFailOnError(true)
                        .verbosity(VerboseMode.SILENT)
                        .build())
                .run();
        List<Case> cases = new ArrayList<>();
        for (RunResult r : results) {
            List<String> values = new ArrayList<>();
            for (String p : parameters) values.add(r.getParams().getParam(p));
            cases.add(new Case(values, r.getPrimaryResult().getStatistics().getPercentile(50)));
        }
        return cases;
    }

    private static void line(String format, Object... values) {
        System.out.printf(Locale.ROOT, format, values);
    }
}
