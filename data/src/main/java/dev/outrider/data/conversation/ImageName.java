package dev.outrider.data.conversation;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One name for an image that files name differently. COCO's images go by their number: COCO_val2014_000000123456.jpg,
 * train2017/000000123456.jpg, COCO_000000123456 and the image_id 123456 are one. Other names are left as they are.
 */
final class ImageName {
    private static final Pattern COCO =
            Pattern.compile("(?:.*/)?(?:COCO_(?:[A-Za-z]+\\d{4}_)?)?(\\d{12})(?:\\.\\w+)?|(\\d{1,12})");

    private ImageName() {}

    static String of(String image) {
        Matcher coco = COCO.matcher(image);
        if (!coco.matches()) return image;
        return "coco " + Long.parseLong(coco.group(coco.group(1) == null ? 2 : 1));
    }
}
