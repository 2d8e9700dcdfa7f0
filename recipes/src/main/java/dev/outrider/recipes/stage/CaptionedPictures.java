package dev.outrider.recipes.stage;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.DiskFailures;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.image.ImageLoader;
import dev.outrider.data.image.LoadedImage;
import dev.outrider.data.image.PictureFolders;
import dev.outrider.trainer.clip.Pairs;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Pictures with captions, of a file that says {@code {"image", "caption"}} a line; each picture is loaded once. Captions are
 * cut to the text half's positions, their end kept, as CLIP does.
 */
final class CaptionedPictures implements Pairs {
    private static final ObjectMapper JSON = new ObjectMapper();

    private record Pair(int picture, int[] caption) {}

    /** Of a caption, BOS and EOS among them. */
    static final int POSITIONS = 128;

    private static final int NONE = -1;

    private final List<float[]> pixels = new ArrayList<>();
    private final List<Pair> pairs = new ArrayList<>();

    /** @param skips whether captions of pictures that are broken or too large are left out; otherwise one is an error */
    static CaptionedPictures read(
            Path file, PictureFolders folders, ImageLoader loader, Tokenizer tokenizer, boolean skips) {
        CaptionedPictures read = new CaptionedPictures();
        Map<String, Integer> known = new HashMap<>();
        try (BufferedReader lines = Files.newBufferedReader(file)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                JsonNode row = JSON.readTree(line);
                int picture = known.computeIfAbsent(
                        row.path("image").asText(), name -> read.add(loader.attempt(folders.require(name)), skips));
                if (picture != NONE) {
                    read.pairs.add(new Pair(
                            picture, ended(tokenizer, row.path("caption").asText())));
                }
            }
        } catch (IOException e) {
            throw DiskFailures.reading(file, e);
        }
        return read;
    }

    private int add(LoadedImage image, boolean skips) {
        if (skips && image.failure().isPresent()) return NONE;
        pixels.add(image.pixels().values());
        return pixels.size() - 1;
    }

    private static int[] ended(Tokenizer tokenizer, String caption) {
        int[] ids = tokenizer.encodeWithBos(caption);
        int[] ended = Arrays.copyOf(ids, Math.min(ids.length, POSITIONS - 1) + 1);
        ended[ended.length - 1] = tokenizer.eosId();
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
