package dev.outrider.data.image;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What images are called in rows. */
public final class ImageNames {
    // COCO_val2014_000000000139.jpg, val2017/000000000139.jpg, COCO_000000000139; or 139 alone.
    private static final Pattern COCO =
            Pattern.compile("(?:.*/)?(?:COCO_(?:[a-z]+\\d{4}_)?)?(\\d{12})(?:\\.[A-Za-z]+)?|(\\d{1,11})");

    private ImageNames() {}

    /**
     * Equal for names of one image: COCO's by their numbers, which are the same in all its editions and splits; others as
     * they are.
     */
    public static String key(String name) {
        Matcher coco = COCO.matcher(name);
        if (!coco.matches()) return name;
        return "coco " + Long.parseLong(coco.group(coco.group(1) == null ? 2 : 1));
    }
}
