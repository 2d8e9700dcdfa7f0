package dev.outrider.recipes.world;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;

/** What a picture's pixels show, found by looking for spots of colour; knows nothing of how it was drawn. */
record Eye(String ground, List<Thing> things) {
    private static final List<String> SPOTS = List.of(
            "in the top left corner",
            "in the top right corner",
            "in the bottom left corner",
            "in the bottom right corner");
    private static final Map<String, Integer> COLOURS = Map.of(
            "white", 0xffffff,
            "grey", 0xaaaaaa,
            "black", 0x000000,
            "red", 0xdd2222,
            "blue", 0x2255dd,
            "green", 0x229944,
            "yellow", 0xffdd00,
            "purple", 0x8833bb,
            "orange", 0xff8800);

    /** Things of one kind in one corner. */
    record Thing(int count, boolean big, String colour, String noun, String spot) {
        /** a big red circle; two red circles. */
        String words() {
            if (count > 1) return AnswersTest.NUMBERS.get(count) + " " + colour + " " + plural();
            return "a " + (big ? "big " : "small ") + colour + " " + noun;
        }

        String plural() {
            return noun + (noun.equals("cross") ? "es" : "s");
        }

        String nouns() {
            return count == 1 ? noun : plural();
        }
    }

    static Eye of(byte[] png) {
        try {
            BufferedImage image = ImageIO.read(new ByteArrayInputStream(png));
            String ground = colour(image.getRGB(0, 0));
            List<Thing> things = new ArrayList<>();
            for (int corner = 0; corner < 4; corner++) look(image, ground, corner, things);
            return new Eye(ground, things);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void look(BufferedImage image, String ground, int corner, List<Thing> things) {
        int half = image.getWidth() / 2;
        BufferedImage part = image.getSubimage(corner % 2 * half, corner / 2 * half, half, half);
        boolean[][] seen = new boolean[half][half];
        List<Thing> found = new ArrayList<>();
        for (int y = 0; y < half; y++) {
            for (int x = 0; x < half; x++) {
                if (!seen[y][x] && !colour(part.getRGB(x, y)).equals(ground)) found.add(thing(part, x, y, seen));
            }
        }
        if (found.isEmpty()) return;
        if (found.stream().distinct().count() != 1) throw new AssertionError("things that differ: " + found);
        Thing one = found.getFirst();
        things.add(new Thing(found.size(), one.big, one.colour, one.noun, SPOTS.get(corner)));
    }

    /** The spot of one colour that holds a pixel. */
    private static Thing thing(BufferedImage part, int x, int y, boolean[][] seen) {
        int rgb = part.getRGB(x, y), size = part.getWidth();
        List<int[]> pixels = new ArrayList<>();
        Deque<int[]> open = new ArrayDeque<>(List.of(new int[] {x, y}));
        seen[y][x] = true;
        while (!open.isEmpty()) {
            int[] p = open.pop();
            pixels.add(p);
            for (int[] d : new int[][] {{1, 0}, {-1, 0}, {0, 1}, {0, -1}}) {
                int nx = p[0] + d[0], ny = p[1] + d[1];
                boolean inside = nx >= 0 && ny >= 0 && nx < size && ny < size;
                if (!inside || seen[ny][nx] || part.getRGB(nx, ny) != rgb) continue;
                seen[ny][nx] = true;
                open.push(new int[] {nx, ny});
            }
        }
        int left = pixels.stream().mapToInt(p -> p[0]).min().orElseThrow();
        int right = pixels.stream().mapToInt(p -> p[0]).max().orElseThrow();
        int top = pixels.stream().mapToInt(p -> p[1]).min().orElseThrow();
        int bottom = pixels.stream().mapToInt(p -> p[1]).max().orElseThrow();
        double share = pixels.size() / ((right - left + 1.0) * (bottom - top + 1));
        boolean middle = part.getRGB((left + right) / 2, (top + bottom) / 2) == rgb;
        boolean topCorner = part.getRGB(left, top) == rgb, bottomCorner = part.getRGB(left, bottom) == rgb;
        return new Thing(1, right - left > size / 2, colour(rgb), noun(share, middle, topCorner, bottomCorner), "");
    }

    private static String noun(double share, boolean middle, boolean topCorner, boolean bottomCorner) {
        if (!middle) return "ring";
        if (share == 1) return "square";
        if (!topCorner && bottomCorner) return "triangle";
        return share > 0.7 ? "circle" : "cross";
    }

    private static String colour(int rgb) {
        return COLOURS.entrySet().stream()
                .min((a, b) -> Integer.compare(distance(a.getValue(), rgb), distance(b.getValue(), rgb)))
                .orElseThrow()
                .getKey();
    }

    private static int distance(int a, int b) {
        int sum = 0;
        for (int shift = 0; shift < 24; shift += 8) {
            int d = (a >> shift & 0xff) - (b >> shift & 0xff);
            sum += d * d;
        }
        return sum;
    }

    /** The answer to a question about the picture in few words, worked out from the question's words. */
    String answer(String question) {
        String noun = things.stream()
                .map(Thing::noun)
                .filter(n -> question.matches(".*\\b" + n + "(s|es)?\\b.*"))
                .findFirst()
                .orElse("none");
        Thing thing =
                things.stream().filter(t -> t.noun.equals(noun)).findFirst().orElse(null);
        if (question.matches("(Is there an?|Can you see an?|Do you see any) .*")) return thing == null ? "no" : "yes";
        for (String spot : SPOTS) if (question.contains(spot)) return at(spot);
        if (thing == null) return "?";
        if (question.contains("to the left of")) return at(thing.spot.replace("right", "left"));
        if (question.contains("to the right of")) return at(thing.spot.replace("left", "right"));
        if (question.contains("above")) return at(thing.spot.replace("bottom", "top"));
        if (question.contains("below")) return at(thing.spot.replace("top", "bottom"));
        if (question.contains("colour")) return thing.colour;
        if (question.matches("How many .*|What is the number .*")) return AnswersTest.NUMBERS.get(thing.count);
        if (question.matches("(Where|In which place) .*")) return thing.spot;
        throw new AssertionError(question);
    }

    private String at(String spot) {
        return things.stream()
                .filter(t -> t.spot.equals(spot))
                .map(Thing::words)
                .findFirst()
                .orElse("nothing");
    }

    /** How many of the kind that a text asks for there are; 0 if none. */
    int count(String noun) {
        return things.stream()
                .filter(t -> t.noun.equals(noun) || t.plural().equals(noun))
                .mapToInt(Thing::count)
                .sum();
    }
}
