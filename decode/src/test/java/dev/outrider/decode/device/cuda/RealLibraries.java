package dev.outrider.decode.device.cuda;

import static org.junit.jupiter.api.Assumptions.abort;

import dev.outrider.decode.device.cuda.CudaLibraries.Found;
import dev.outrider.decode.device.cuda.CudaLibraries.Part;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** NVIDIA's own libraries on this machine: all in the folders that OUTRIDER_CUDA names, else the one that is found. */
final class RealLibraries {
    private static final Set<Part> SAID = EnumSet.noneOf(Part.class);

    private RealLibraries() {}

    /** At least one; the test that asks is skipped, and says so, where there is none. */
    static synchronized List<SymbolLookup> all(Part part, String... names) {
        List<SymbolLookup> all = new ArrayList<>();
        for (Path folder : LibraryPlaces.ofThisMachine().namedFolders())
            Stream.of(names)
                    .map(folder::resolve)
                    .filter(Files::exists)
                    .map(file -> LibrarySearch.LOADER.load(file.toAbsolutePath().toString()))
                    .forEach(all::add);
        if (all.isEmpty() && CudaLibraries.ofThisMachine().result(part) instanceof Found found)
            all.add(found.symbols());
        return all.isEmpty() ? absent(part) : all;
    }

    private static List<SymbolLookup> absent(Part part) {
        String why =
                "skipped: " + part.label + " is not on this machine; OUTRIDER_CUDA or -Doutrider.cuda name its folder";
        if (SAID.add(part)) System.out.println(why);
        return abort(why);
    }
}
