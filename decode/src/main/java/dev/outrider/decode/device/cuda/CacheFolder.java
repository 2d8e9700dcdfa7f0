package dev.outrider.decode.device.cuda;

import java.nio.file.Path;
import java.util.Map;

/** Where what can be made again is kept: OUTRIDER_CACHE, or outrider in the user's cache folder. */
final class CacheFolder {
    private CacheFolder() {}

    static Path of(Map<String, String> environment, String home) {
        String named = environment.getOrDefault("OUTRIDER_CACHE", "");
        if (!named.isEmpty()) return Path.of(named);
        String cache = environment.getOrDefault("XDG_CACHE_HOME", "");
        return (cache.isEmpty() ? Path.of(home, ".cache") : Path.of(cache)).resolve("outrider");
    }
}
