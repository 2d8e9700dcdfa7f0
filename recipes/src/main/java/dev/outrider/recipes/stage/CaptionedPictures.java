package dev.outrider.recipes.stage;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.DiskFailures;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.image.ImageLoader;
import dev.outrider.trainer.clip.Pairs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Pictures with captions, of a file that says {@code {"image", "caption"}} a line; each picture is loaded once. */
final class CaptionedPictures implements Pairs {
    private static final ObjectMapper JSON = new ObjectMapper();

    private record Pair(int picture, int[] caption) {}

    private final List<float[]> pixels = new ArrayList<>();
    private final List<Pair> pairs = new ArrayList<>();

    static CaptionedPictures read(Path file, Path folder, ImageLoader loader, Tokenizer tokenizer) {
        CaptionedPictures read = new CaptionedPictures();
        Map<String, Integer> known = new HashMap<>();
        try {
            for (String line : Files.readAllLines(file)) {
                JsonNode row = JSON.readTree(line);
                int picture = known.computeIfAbsent(row.path("image").asText(), name -> {
                    read.pixels.add(loader.load(folder.resolve(name)).values());
                    return read.pixels.size() - 1;
                });
                read.pairs.add(
                        new Pair(picture, ended(tokenizer, row.path("caption").asText())));
            }
        } catch (IOException e) {
            throw DiskFailures.reading(file, e);
        }
        return read;
    }

    private static int[] ended(Tokenizer tokenizer, String caption) {
        int[] ids = tokenizer.encodeWithBos(caption);
        int[] ended = Arrays.copyOf(ids, ids.length + 1);
        ended[ids.length] = tokenizer.eosId();
        return ended;
    }

    @Override
    public long size() {
        return pairs.size();
    }

    @Override
    public float[] pixels(long pair) {
        return pixels.get(pairs.get((int) pair).picture);
    }

    @Override
    public int[] caption(long pair) {
        return pairs.get((int) pair).caption;
    }

    @Override
    public long picture(long pair) {
        return pairs.get((int) pair).picture;
    }
}
