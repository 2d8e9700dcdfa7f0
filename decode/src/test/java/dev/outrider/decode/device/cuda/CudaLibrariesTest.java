package dev.outrider.decode.device.cuda;

import static dev.outrider.decode.device.cuda.CudaDriverTest.failsWith;
import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.device.cuda.CudaLibraries.Found;
import dev.outrider.decode.device.cuda.CudaLibraries.Missing;
import dev.outrider.decode.device.cuda.CudaLibraries.Part;
import dev.outrider.decode.device.cuda.CudaLibraries.Result;
import java.io.File;
import java.io.IOException;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where libraries are found, on machines that a folder stands for. */
class CudaLibrariesTest {
    @TempDir
    Path root;

    private final Map<String, String> environment = new HashMap<>();
    private final List<Path> classPath = new ArrayList<>();
    private final List<String> ofTheLoader = new ArrayList<>();
    private String named = "";
    private int driverVersion = 12_080;

    private LibraryPlaces places() {
        return new LibraryPlaces(
                environment, named, root, root.resolve("home/me"), "amd64", classPath, root.resolve("cache"));
    }

    private CudaLibraries libraries() {
        return new CudaLibraries(new LibrarySearch(places(), this::load)::of);
    }

    // A file's text is what it is; the system's loader knows those of a list.
    private SymbolLookup load(String pathOrName) {
        if (!pathOrName.contains("/")) {
            if (!ofTheLoader.contains(pathOrName)) throw new IllegalArgumentException("not found");
            return symbols(pathOrName);
        }
        try {
            if (Files.readString(Path.of(pathOrName)).equals("broken"))
                throw new IllegalArgumentException("invalid ELF header");
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return symbols(Path.of(pathOrName).getFileName().toString());
    }

    private SymbolLookup symbols(String name) {
        if (name.startsWith("libcuda")) {
            FakeDriver driver = new FakeDriver();
            driver.version = driverVersion;
            return driver.symbols();
        }
        if (name.startsWith("libcublasLt")) return new FakeBlas(new FakeDriver()).symbols();
        FakeNvrtc nvrtc = new FakeNvrtc();
        nvrtc.major = Integer.parseInt(name.substring(name.lastIndexOf('.') + 1));
        return nvrtc.symbols();
    }

    private Path file(String path) throws IOException {
        Path file = root.resolve(path);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, "a library");
    }

    private void finds(Part part, String path, String version) {
        assertThat(libraries().result(part)).isInstanceOfSatisfying(Found.class, found -> {
            assertThat(found.path())
                    .isEqualTo(
                            path.startsWith("lib") ? path : root.resolve(path).toString());
            assertThat(found.version()).isEqualTo(version);
            assertThat(found.part()).isEqualTo(part);
        });
    }

    @Test
    void onePlaceBeforeAnother() throws IOException {
        // From the last place to the first: each new one wins.
        file("usr/lib/python3/dist-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12");
        finds(Part.NVRTC, "usr/lib/python3/dist-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12", "12.8");
        file("usr/local/lib/python3.12/dist-packages/nvidia/cu13/lib/libnvrtc.so.13");
        finds(Part.NVRTC, "usr/local/lib/python3.12/dist-packages/nvidia/cu13/lib/libnvrtc.so.13", "13.8");
        file("home/me/.local/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12");
        finds(Part.NVRTC, "home/me/.local/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12", "12.8");
        environment.put("VIRTUAL_ENV", root.resolve("venv").toString());
        file("venv/lib/python3.13/site-packages/nvidia/cu13/lib/libnvrtc.so.13");
        finds(Part.NVRTC, "venv/lib/python3.13/site-packages/nvidia/cu13/lib/libnvrtc.so.13", "13.8");
        file("usr/local/cuda-12.9/targets/x86_64-linux/lib/libnvrtc.so.12");
        finds(Part.NVRTC, "usr/local/cuda-12.9/targets/x86_64-linux/lib/libnvrtc.so.12", "12.8");
        file("usr/local/cuda-12.10/lib64/libnvrtc.so.12");
        finds(Part.NVRTC, "usr/local/cuda-12.10/lib64/libnvrtc.so.12", "12.8");
        ofTheLoader.add("libnvrtc.so.12");
        finds(Part.NVRTC, "libnvrtc.so.12", "12.8");
        environment.put("CUDA_PATH", root.resolve("path").toString());
        file("path/targets/x86_64-linux/lib/libnvrtc.so.13");
        finds(Part.NVRTC, "path/targets/x86_64-linux/lib/libnvrtc.so.13", "13.8");
        environment.put("CUDA_HOME", root.resolve("toolkit").toString());
        file("toolkit/lib64/libnvrtc.so.12");
        finds(Part.NVRTC, "toolkit/lib64/libnvrtc.so.12", "12.8");
        named = root.resolve("none") + File.pathSeparator + root.resolve("mine");
        file("mine/libnvrtc.so.13");
        finds(Part.NVRTC, "mine/libnvrtc.so.13", "13.8");
    }

    @Test
    void theDriver() throws IOException {
        finds13("usr/lib/wsl/lib/libcuda.so.1");
        ofTheLoader.add("libcuda.so.1");
        driverVersion = 13_010;
        finds(Part.DRIVER, "libcuda.so.1", "13.1");
        assertThat(libraries().driver()).isNotNull();
    }

    private void finds13(String path) throws IOException {
        file(path);
        finds(Part.DRIVER, path, "12.8");
    }

    @Test
    void whatIsNotNewerThanTheDriverFirst() throws IOException {
        ofTheLoader.addAll(List.of("libcuda.so.1", "libnvrtc.so.13", "libcublasLt.so.13"));
        finds(Part.NVRTC, "libnvrtc.so.13", "13.8"); // with nothing else there
        file("usr/local/cuda/lib64/libnvrtc.so.12");
        finds(Part.NVRTC, "usr/local/cuda/lib64/libnvrtc.so.12", "12.8");
        driverVersion = 13_000;
        finds(Part.NVRTC, "libnvrtc.so.13", "13.8");
        ofTheLoader.remove("libnvrtc.so.13");
        finds(Part.NVRTC, "usr/local/cuda/lib64/libnvrtc.so.12", "12.8");
        driverVersion = 12_000;
        named = root.resolve("mine").toString();
        file("mine/libnvrtc.so.13");
        finds(Part.NVRTC, "mine/libnvrtc.so.13", "13.8"); // what the user names wins all the same
        finds(Part.CUBLASLT, "libcublasLt.so.13", "12.8.4");
    }

    @Test
    void filesThatAreNoLibrariesArePassedOver() throws IOException {
        named = root.resolve("mine").toString();
        Files.writeString(file("mine/libnvrtc.so.13"), "broken");
        file("mine/libnvrtc.so.12");
        finds(Part.NVRTC, "mine/libnvrtc.so.12", "12.8");
        Files.writeString(root.resolve("mine/libnvrtc.so.12"), "broken");
        assertThat(libraries().result(Part.NVRTC))
                .isInstanceOfSatisfying(
                        Missing.class,
                        missing -> assertThat(missing.tried())
                                .contains(
                                        root.resolve("mine/libnvrtc.so.13") + " (does not load: invalid ELF header)",
                                        root.resolve("mine/libnvrtc.so.12") + " (does not load: invalid ELF header)"));
    }

    @Test
    void whatIsMissingSaysWhereItWasLookedForAndWhatToDo() {
        named = root.resolve("mine").toString();
        CudaLibraries none = libraries();
        failsWith(
                none::driver, Failure.Kind.MACHINE, "libcuda", root + "/mine", "the system's loader", "NVIDIA driver");
        failsWith(
                none::nvrtc,
                Failure.Kind.MACHINE,
                "NVRTC (libnvrtc): found none in " + root.resolve("mine"),
                "bytedeco's jars",
                "pip install nvidia-cuda-nvrtc-cu12",
                "/usr/local/cuda*",
                "site-packages",
                "OUTRIDER_CUDA=/folder/with/libnvrtc.so.12");
        failsWith(none::blas, Failure.Kind.MACHINE, "cuBLASLt", "pip install nvidia-cublas-cu12", "libcublasLt.so");
        ofTheLoader.add("libcuda.so.1");
        driverVersion = 13_000;
        failsWith(libraries()::blas, Failure.Kind.MACHINE, "pip install nvidia-cublas'", "libcublasLt.so.13");
    }

    @Test
    void bytedecosJars() throws IOException {
        Path jar = root.resolve("cuda-12.9-linux-x86_64-redist.jar");
        jar(
                jar,
                Map.of(
                        "libnvrtc.so.12",
                        "a",
                        "libnvrtc-builtins.so.12.9",
                        "b",
                        "libnvrtcx.so",
                        "c",
                        "libcudart.so.12",
                        "d"));
        classPath.add(root.resolve("other.jar"));
        classPath.add(root.resolve("cuda-absent.jar"));
        classPath.add(jar);
        Path first = extracted();
        assertThat(Files.readString(first)).isEqualTo("a");
        assertThat(first.resolveSibling("libnvrtc-builtins.so.12.9")).hasContent("b");
        assertThat(first.resolveSibling("libnvrtcx.so")).doesNotExist();
        assertThat(first.resolveSibling("libcudart.so.12")).doesNotExist();
        // Complete ones are kept, incomplete ones taken out again.
        Files.writeString(first, "x");
        assertThat(extracted()).isEqualTo(first).hasContent("x");
        Files.delete(first.resolveSibling("libnvrtc-builtins.so.12.9"));
        assertThat(extracted()).isEqualTo(first).hasContent("a");
        // Another jar, another folder.
        jar(jar, Map.of("libnvrtc.so.12", "newer"));
        assertThat(extracted()).isNotEqualTo(first).hasContent("newer");
    }

    private Path extracted() {
        return Path.of(((Found) libraries().result(Part.NVRTC)).path());
    }

    private static void jar(Path jar, Map<String, String> files) throws IOException {
        try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(jar))) {
            for (Map.Entry<String, String> file : files.entrySet()) {
                out.putNextEntry(new ZipEntry("org/bytedeco/cuda/linux-x86_64/" + file.getKey()));
                out.write(file.getValue().getBytes());
            }
        }
    }

    @Test
    void bytedecosFoldersAndDamagedJars() throws IOException {
        Path damaged = Files.writeString(root.resolve("cuda-12.jar"), "no jar");
        classPath.add(damaged);
        assertThat(libraries().result(Part.NVRTC))
                .isInstanceOfSatisfying(
                        Missing.class,
                        missing -> assertThat(missing.tried()).anyMatch(t -> t.contains(damaged.toString())));
        classPath.add(root.resolve("classes"));
        file("classes/org/bytedeco/cuda/linux-x86_64/libnvrtc.so.12");
        finds(Part.NVRTC, "classes/org/bytedeco/cuda/linux-x86_64/libnvrtc.so.12", "12.8");
    }

    @Test
    void eachIsLookedForOnce() {
        List<Part> asked = new ArrayList<>();
        CudaLibraries libraries = new CudaLibraries((part, major) -> {
            asked.add(part);
            return new Missing(part, List.of("here"), "Buy one.");
        });
        Result first = libraries.result(Part.NVRTC);
        assertThat(libraries.result(Part.NVRTC)).isSameAs(first);
        failsWith(libraries::nvrtc, Failure.Kind.MACHINE, "none in here", "Buy one.");
        assertThat(asked).containsExactly(Part.DRIVER, Part.NVRTC);
    }

    @Test
    void thisMachine() {
        CudaLibraries libraries = CudaLibraries.ofThisMachine();
        for (Part part : Part.values()) {
            Result result = libraries.result(part);
            if (result instanceof Missing missing) assertThat(missing.tried()).contains("the system's loader");
        }
    }
}
