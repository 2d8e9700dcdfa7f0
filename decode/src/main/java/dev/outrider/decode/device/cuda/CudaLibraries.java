package dev.outrider.decode.device.cuda;

import dev.outrider.checkpoints.Failure;
import java.lang.foreign.SymbolLookup;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** The libraries that a card needs, each where it was found, or what to do about it. Looked for when first asked for. */
public final class CudaLibraries {
    /** A library of NVIDIA's. */
    public enum Part {
        DRIVER("the CUDA driver (libcuda)"),
        NVRTC("NVRTC (libnvrtc)"),
        CUBLASLT("cuBLASLt (libcublasLt)");

        /** For messages. */
        public final String label;

        Part(String label) {
            this.label = label;
        }
    }

    /** What became of looking for one. */
    public sealed interface Result permits Found, Missing {}

    /**
     * A library that is loaded.
     *
     * @param path or the name by which the system's loader knows it
     * @param version as "12.9"
     */
    public record Found(Part part, String path, String version, SymbolLookup symbols) implements Result {
        /** The CUDA that it belongs to, as 12. */
        public int major() {
            return Integer.parseInt(version.substring(0, version.indexOf('.')));
        }
    }

    /**
     * A library that is not there.
     *
     * @param tried places, and files that were there but could not be used
     * @param remedy what to do
     */
    public record Missing(Part part, List<String> tried, String remedy) implements Result {}

    /** Looks for one library; the driver's CUDA version, as 12, is 0 where there is no driver. */
    @FunctionalInterface
    interface Search {
        Result of(Part part, int driverMajor);
    }

    private final Search search;
    private final Map<Part, Result> results = new EnumMap<>(Part.class);

    CudaLibraries(Search search) {
        this.search = search;
    }

    /** Looks where {@link LibraryPlaces} says, on this machine. */
    public static CudaLibraries ofThisMachine() {
        return new CudaLibraries(new LibrarySearch(LibraryPlaces.ofThisMachine(), LibrarySearch.LOADER)::of);
    }

    /** Libraries that somebody else has found. */
    public static CudaLibraries given(List<Result> results) {
        return new CudaLibraries((part, major) -> results.stream()
                .filter(r -> part == (r instanceof Found f ? f.part() : ((Missing) r).part()))
                .findFirst()
                .orElseGet(() -> new Missing(part, List.of(), "It was not given.")));
    }

    public synchronized Result result(Part part) {
        Result known = results.get(part);
        if (known == null) results.put(part, known = search.of(part, part == Part.DRIVER ? 0 : driverMajor()));
        return known;
    }

    private int driverMajor() {
        return result(Part.DRIVER) instanceof Found found ? found.major() : 0;
    }

    /** @throws Failure (machine) that says where it was looked for and what to do */
    public SymbolLookup driver() {
        return symbols(Part.DRIVER);
    }

    /** @throws Failure as {@link #driver} */
    public SymbolLookup nvrtc() {
        return symbols(Part.NVRTC);
    }

    /** @throws Failure as {@link #driver} */
    public SymbolLookup blas() {
        return symbols(Part.CUBLASLT);
    }

    private SymbolLookup symbols(Part part) {
        return switch (result(part)) {
            case Found found -> found.symbols();
            case Missing missing ->
                throw new Failure(
                        Failure.Kind.MACHINE,
                        part.label,
                        "none in " + missing.tried().stream().collect(Collectors.joining(", ")),
                        "version 12 or 13",
                        missing.remedy(),
                        null);
        };
    }
}
