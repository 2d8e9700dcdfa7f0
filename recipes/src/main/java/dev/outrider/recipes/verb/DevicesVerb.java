package dev.outrider.recipes.verb;

import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.device.cuda.CudaCard;
import dev.outrider.decode.device.cuda.CudaDriver;
import dev.outrider.decode.device.cuda.CudaLibraries;
import dev.outrider.decode.device.cuda.CudaLibraries.Found;
import dev.outrider.decode.device.cuda.CudaLibraries.Missing;
import dev.outrider.decode.device.cuda.CudaLibraries.Part;
import java.io.PrintStream;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

@Command(
        name = "devices",
        mixinStandardHelpOptions = true,
        description = "Says what there is to compute with: the CPU, NVIDIA GPUs, and the libraries that these need.",
        footer = {
            "",
            "OUTRIDER_CUDA names folders in which libcuda.so.1, libnvrtc and libcublasLt are looked for first."
        })
public final class DevicesVerb implements Callable<Integer> {
    private static final String LINE = "%-11s %s%n";

    @Override
    public Integer call() {
        try (CpuDevice cpu = new CpuDevice()) {
            print(System.out, cpu.name(), CudaLibraries.ofThisMachine());
        }
        return 0;
    }

    /** A GPU that is absent or cannot be used is no failure here: what is wrong with it is what was asked. */
    static void print(PrintStream out, String cpu, CudaLibraries libraries) {
        String[] kindAndRest = cpu.split(": ", 2);
        out.printf(LINE, kindAndRest[0], kindAndRest[1]);
        if (libraries.result(Part.DRIVER) instanceof Found driver) cards(out, driver);
        library(out, "driver", libraries, Part.DRIVER);
        library(out, "nvrtc", libraries, Part.NVRTC);
        library(out, "cublaslt", libraries, Part.CUBLASLT);
    }

    private static void cards(PrintStream out, Found library) {
        try {
            CudaDriver driver = CudaDriver.of(library.symbols());
            if (driver.count() == 0)
                out.printf(LINE, "gpu", "none. Check with nvidia-smi which there are, and CUDA_VISIBLE_DEVICES.");
            for (int i = 0; i < driver.count(); i++) out.printf(LINE, "gpu " + i, describe(driver.card(i)));
        } catch (Failure e) {
            out.printf(LINE, "gpu", e.getMessage());
        }
    }

    private static String describe(CudaCard card) {
        String text = String.format(
                Locale.ROOT,
                "%s (%s), %.1f GiB, %d multiprocessors",
                card.name(),
                card.arch(),
                card.bytes() / (double) (1L << 30),
                card.multiprocessors());
        double bandwidth = card.peakBandwidth();
        return bandwidth > 0 ? text + String.format(Locale.ROOT, ", %,.0f GB/s at most", bandwidth / 1e9) : text;
    }

    private static void library(PrintStream out, String name, CudaLibraries libraries, Part part) {
        switch (libraries.result(part)) {
            case Found found -> {
                out.printf(
                        LINE, name, (part == Part.DRIVER ? "for CUDA " : "") + found.version() + ", " + found.path());
                if (libraries.result(Part.DRIVER) instanceof Found driver && found.major() > driver.major())
                    out.printf(
                            LINE,
                            "",
                            "newer than the driver's CUDA " + driver.version() + ": update the driver, or have CUDA "
                                    + driver.major() + "'s as well");
            }
            case Missing missing -> {
                out.printf(LINE, name, "not found. " + missing.remedy());
                out.printf(LINE, "", "looked for in " + String.join(", ", missing.tried()));
            }
        }
    }
}
