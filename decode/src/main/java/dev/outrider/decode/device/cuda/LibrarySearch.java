package dev.outrider.decode.device.cuda;

import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.device.cuda.CudaLibraries.Found;
import dev.outrider.decode.device.cuda.CudaLibraries.Missing;
import dev.outrider.decode.device.cuda.CudaLibraries.Part;
import dev.outrider.decode.device.cuda.CudaLibraries.Result;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Looks for a library in one place after another, and takes the first that loads and has a version. Folders that the user
 * names win. Elsewhere NVRTC and cuBLASLt are preferred that are not newer than the driver's own CUDA, since newer ones
 * may ask of the driver what it does not know.
 */
final class LibrarySearch {
    /** Loads a library by path or by name. */
    @FunctionalInterface
    interface Loader {
        /** @throws IllegalArgumentException where it cannot be loaded */
        SymbolLookup load(String pathOrName);
    }

    /** The system's: libraries stay until the process ends. */
    static final Loader LOADER = name -> name.contains("/")
            ? SymbolLookup.libraryLookup(Path.of(name), Arena.global())
            : SymbolLookup.libraryLookup(name, Arena.global());

    private final LibraryPlaces places;
    private final Loader loader;

    LibrarySearch(LibraryPlaces places, Loader loader) {
        this.places = places;
        this.loader = loader;
    }

    Result of(Part part, int driverMajor) {
        List<String> tried = new ArrayList<>();
        List<String> names = names(part, driverMajor);
        return in(places.namedFolders(), part, names, tried)
                .or(() -> elsewhere(part, fitting(names, driverMajor), tried))
                .or(() -> elsewhere(part, names, tried))
                .orElseGet(() -> new Missing(part, tried.stream().distinct().toList(), remedy(part, driverMajor)));
    }

    private static List<String> names(Part part, int driverMajor) {
        if (part == Part.DRIVER) return List.of("libcuda.so.1");
        String library = part == Part.NVRTC ? "libnvrtc.so." : "libcublasLt.so.";
        return driverMajor == 12 ? List.of(library + 12, library + 13) : List.of(library + 13, library + 12);
    }

    private static List<String> fitting(List<String> names, int driverMajor) {
        return driverMajor == 12 ? names.subList(0, 1) : names;
    }

    private Optional<Result> elsewhere(Part part, List<String> names, List<String> tried) {
        return byLoader(part, names, tried)
                .or(() -> inUsualFolders(part, names, tried))
                .or(() -> inJars(part, names, tried));
    }

    private Optional<Result> byLoader(Part part, List<String> names, List<String> tried) {
        tried.add("the system's loader");
        return first(names, name -> load(part, name, tried));
    }

    private Optional<Result> inUsualFolders(Part part, List<String> names, List<String> tried) {
        tried.addAll(List.of("/usr/local/cuda*", "nvidia/*/lib in Python's site-packages"));
        return in(places.usualFolders(), part, names, tried);
    }

    private static Optional<Result> first(List<String> names, Function<String, Optional<Result>> search) {
        return names.stream().map(search).flatMap(Optional::stream).findFirst();
    }

    private Optional<Result> in(List<Path> folders, Part part, List<String> names, List<String> tried) {
        for (Path folder : folders) {
            tried.add(folder.toString());
            Optional<Result> found = first(names, name -> {
                Path file = folder.resolve(name);
                return Files.exists(file) ? load(part, file.toAbsolutePath().toString(), tried) : Optional.empty();
            });
            if (found.isPresent()) return found;
        }
        return Optional.empty();
    }

    private Optional<Result> inJars(Part part, List<String> names, List<String> tried) {
        tried.add("bytedeco's jars on the class path");
        for (Path place : places.bytedeco()) {
            Optional<Result> found = first(names, name -> {
                try {
                    return BytedecoJar.library(place, places.bytedecoFolder(), name, places.cache())
                            .flatMap(file -> load(part, file.toString(), tried));
                } catch (Failure e) {
                    tried.add(e.getMessage());
                    return Optional.empty();
                }
            });
            if (found.isPresent()) return found;
        }
        return Optional.empty();
    }

    private Optional<Result> load(Part part, String pathOrName, List<String> tried) {
        SymbolLookup symbols;
        try {
            symbols = loader.load(pathOrName);
        } catch (IllegalArgumentException e) {
            if (pathOrName.contains("/")) tried.add(pathOrName + " (does not load: " + e.getMessage() + ")");
            return Optional.empty();
        }
        try {
            return Optional.of(new Found(part, pathOrName, version(part, symbols), symbols));
        } catch (Failure e) {
            tried.add(pathOrName + " (" + e.getMessage() + ")");
            return Optional.empty();
        }
    }

    private static String version(Part part, SymbolLookup symbols) {
        return switch (part) {
            case DRIVER -> driverVersion(symbols);
            case NVRTC -> Nvrtc.of(symbols).versionText();
            case CUBLASLT -> CublasLt.versionText(new BlasApi(symbols).version());
        };
    }

    // Answered without initialising the driver.
    private static String driverVersion(SymbolLookup symbols) {
        DriverApi api = new DriverApi(symbols);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ValueLayout.JAVA_INT);
            api.driverVersion.run(out.address());
            return CudaDriver.versionText(out.get(ValueLayout.JAVA_INT, 0));
        }
    }

    private static String remedy(Part part, int driverMajor) {
        String packaged = part == Part.NVRTC ? "nvidia-cuda-nvrtc" : "nvidia-cublas";
        if (part == Part.DRIVER)
            return "Install the NVIDIA driver (version 525 or newer) if this machine has an NVIDIA GPU; in a container,"
                    + " start it with the GPU given to it (docker run --gpus all).";
        return "Install the CUDA toolkit (12 or 13), or 'pip install " + packaged + (driverMajor == 13 ? "" : "-cu12")
                + "', or name its folder: OUTRIDER_CUDA=/folder/with/"
                + names(part, driverMajor == 13 ? 13 : 12).getFirst() + ".";
    }
}
