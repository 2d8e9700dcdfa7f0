package dev.outrider.decode.device.cuda;

import static org.junit.jupiter.api.Assumptions.abort;

import dev.outrider.decode.device.cuda.CudaLibraries.Found;
import dev.outrider.decode.device.cuda.CudaLibraries.Part;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The real NVRTCs of this machine: all in the folders that OUTRIDER_CUDA names, else the one that is found. */
final class Nvrtcs {
    private static final String ABSENT =
            "skipped: found no NVRTC; name the folders of one or more: OUTRIDER_CUDA or -Doutrider.cuda";
    private static boolean said;

    private Nvrtcs() {}

    /** At least one; the test that asks is skipped, and says so, where there is none. */
    static synchronized List<Nvrtc> all() {
        List<Nvrtc> all = new ArrayList<>();
        for (Path folder : LibraryPlaces.ofThisMachine().namedFolders())
            Stream.of("libnvrtc.so.12", "libnvrtc.so.13")
                    .map(folder::resolve)
                    .filter(Files::exists)
                    .map(file -> Nvrtc.of(LibrarySearch.LOADER.load(file.toAbsolutePath().toString())))
                    .forEach(all::add);
        if (all.isEmpty() && CudaLibraries.ofThisMachine().result(Part.NVRTC) instanceof Found found)
            all.add(Nvrtc.of(found.symbols()));
        if (!all.isEmpty()) return all;
        if (!said) System.out.println(ABSENT);
        said = true;
        return abort(ABSENT);
    }
}
