package dev.outrider.recipes.world;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.data.shard.Hashes;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SightsTest {
    private static final Sights SIGHTS = new Sights(7);

    private static Stream<SeenPrompt> prompts(SeenTask task, long from, int count) {
        return LongStream.range(from, from + count).mapToObj(i -> SIGHTS.prompt(task, i));
    }

    @Test
    void whatLiesAtAnIndexDependsOnSeedAndIndexOnly() {
        List<SeenPrompt> all = SIGHTS.documents(50).toList();
        assertThat(new Sights(7).document(31)).isEqualTo(all.get(31));
        assertThat(new Sights(7).documents(10).toList()).isEqualTo(all.subList(0, 10));
        assertThat(new Sights(7).caption(5)).isEqualTo(SIGHTS.caption(5));
        assertThat(new Sights(7).picture(5).png()).isEqualTo(SIGHTS.picture(5).png());
        assertThat(new Sights(8).documents(50).map(SeenPrompt::picture))
                .doesNotContainAnyElementsOf(
                        all.stream().map(SeenPrompt::picture).toList());
    }

    /** Whoever has a run of an older version finds the same files: nothing here depends on the machine. */
    @Test
    void picturesKeepTheirBytes() {
        StringBuilder all = new StringBuilder();
        for (long i = 0; i < 100; i++) {
            Drawing picture = SIGHTS.picture(i);
            all.append(picture.name()).append(Arrays.hashCode(picture.png())).append('\n');
        }
        assertThat(Hashes.of(all.toString()))
                .isEqualTo("0053426cf0353eda3eb619822f6270880db2f1ce45907b2e9e1003da3cb3bda0");
    }

    /** All that lies at an index is about one picture. */
    @Test
    void everyTaskAsksAboutThePictureOfItsIndex() {
        for (long i : new long[] {0, 17, World.HELD_OUT + 3}) {
            for (SeenTask task : SeenTask.values()) {
                assertThat(SIGHTS.prompt(task, i).picture()).isEqualTo(SIGHTS.picture(i));
            }
            assertThat(SIGHTS.caption(i).picture()).isEqualTo(SIGHTS.picture(i));
        }
    }

    @Test
    void equalViewsAreEqualFiles() {
        Map<String, byte[]> files = new HashMap<>();
        Map<String, String> names = new HashMap<>();
        int again = 0;
        for (long i = 0; i < 6000; i++) {
            Drawing picture = SIGHTS.picture(i);
            if (names.put(picture.toString(), picture.name()) != null) again++;
            byte[] before = files.put(picture.name(), picture.png());
            if (before != null) assertThat(before).isEqualTo(picture.png());
        }
        assertThat(again).isBetween(1, 600);
        assertThat(files.size()).isEqualTo(names.size());
        Set<String> bytes = files.values().stream().map(Arrays::toString).collect(Collectors.toSet());
        assertThat(bytes.size()).as("different views look different").isEqualTo(files.size());
    }

    @Test
    void heldOutPicturesNeverOccurInTraining() {
        Set<String> training = LongStream.range(0, 20_000)
                .mapToObj(i -> SIGHTS.picture(i).name())
                .collect(Collectors.toSet());
        Set<String> heldOut = LongStream.range(0, 2000)
                .mapToObj(i -> SIGHTS.picture(World.HELD_OUT + i).name())
                .collect(Collectors.toSet());
        assertThat(heldOut).hasSizeGreaterThan(1500).doesNotContainAnyElementsOf(training);
    }

    @ParameterizedTest
    @EnumSource(
            value = SeenTask.class,
            names = {"UNSEEN_QUESTION", "UNSEEN_REASON"})
    void whatIsToldInHeldOutPromptsIsToldNowhereElse(SeenTask task) {
        Set<String> training = prompts(task, 0, 3000).map(SeenPrompt::key).collect(Collectors.toSet());
        SIGHTS.documents(6000).map(SeenPrompt::key).forEach(training::add);
        Set<String> heldOut =
                prompts(task, World.HELD_OUT, 1000).map(SeenPrompt::key).collect(Collectors.toSet());
        assertThat(heldOut).hasSizeGreaterThan(700).doesNotContainAnyElementsOf(training);
    }

    @Test
    void tasksAreMixedAsSaid() {
        Map<SeenTask, Long> tasks =
                SIGHTS.documents(3000).collect(Collectors.groupingBy(SeenPrompt::task, Collectors.counting()));
        assertThat(tasks.get(SeenTask.SEEN_DESCRIBE)).isBetween(1050L, 1350L);
        assertThat(tasks.get(SeenTask.SEEN_QUESTION)).isBetween(780L, 1020L);
        for (SeenTask t : List.of(SeenTask.SEEN_REASON, SeenTask.UNSEEN_QUESTION, SeenTask.UNSEEN_REASON)) {
            assertThat(tasks.get(t)).isBetween(220L, 380L);
        }
    }

    @Test
    void labels() {
        assertThat(Stream.of(SeenTask.values()).map(SeenTask::label))
                .containsExactly("seen-describe", "seen-question", "seen-reason", "unseen-question", "unseen-reason");
        assertThat(Stream.of(SeenTask.values()).filter(SeenTask::needsPicture).map(SeenTask::label))
                .allMatch(l -> l.startsWith("seen-"))
                .hasSize(3);
        assertThat(SIGHTS.prompt(SeenTask.SEEN_QUESTION, 3).id()).isEqualTo("seen-question-3");
    }

    /** Colours, kinds, counts and corners alike often: nothing is to be guessed. */
    @Test
    void viewsAreEven() {
        List<Item> items = LongStream.range(0, 3000)
                .boxed()
                .flatMap(i -> SIGHTS.picture(i).view().items().stream())
                .toList();
        for (Hue h : Hue.values())
            share(items.stream().filter(i -> i.hue() == h).count(), items.size(), 6);
        for (Shape s : Shape.values())
            share(items.stream().filter(i -> i.shape() == s).count(), items.size(), 5);
        for (Corner c : Corner.values())
            share(items.stream().filter(i -> i.corner() == c).count(), items.size(), 4);
        share(items.stream().filter(Item::big).count(), items.size(), 4);
        share(items.stream().filter(i -> i.count() == 3).count(), items.size(), 4);
    }

    private static void share(long count, int all, int kinds) {
        assertThat((double) count * kinds / all).isBetween(0.9, 1.1);
    }

    @Test
    void textIsCleanEnglish() {
        Stream<String> texts = Stream.concat(
                SIGHTS.documents(3000).map(SeenPrompt::text),
                SIGHTS.captions(500).map(c -> c.text() + "."));
        texts.forEach(text -> {
            assertThat(text).doesNotContain("  ", "{", "}", "null", " .", " ,", "/");
            assertThat(text).doesNotContainPattern("(?i)\\ba [aeio]|\\ban [^aeio]");
            assertThat(text).endsWith(".");
            assertThat(text.split("\\s+").length).isLessThanOrEqualTo(150);
        });
    }

    @Test
    void everyRuleAndWordIsUsed() {
        String all = Stream.concat(
                        SIGHTS.documents(6000).map(SeenPrompt::text),
                        SIGHTS.captions(1000).map(Caption::text))
                .collect(Collectors.joining("\n"))
                .toLowerCase();
        Set<String> seen = new HashSet<>(Arrays.asList(all.split("[^a-z]+")));
        Set<String> rules = new HashSet<>(Grammar.SIGHTS.names());
        rules.removeAll(Grammar.WORLD.names());
        assertThat(rules).hasSizeGreaterThan(10);
        for (String rule : rules) {
            for (String alternative : Grammar.SIGHTS.rule(rule)) {
                Stream.of(alternative.toLowerCase().replaceAll("\\{[^}]*}", "").split("[^a-z]+"))
                        .filter(w -> !w.isEmpty())
                        .forEach(w -> assertThat(seen).as(rule).contains(w));
            }
        }
    }

    /** What recipes without pictures are made from stays what it was. */
    @Test
    void theWorldOfTextIsUntouched() {
        World world = new World(7);
        String all = Stream.concat(
                        world.documents(500),
                        Stream.of(Task.values())
                                .flatMap(t -> LongStream.range(World.HELD_OUT, World.HELD_OUT + 50)
                                        .mapToObj(i -> world.prompt(t, i).text())))
                .collect(Collectors.joining("\n"));
        assertThat(Hashes.of(all)).isEqualTo("fa17ff1174f3bd282628f37b453bc551bc8c128a484626dc791484ee9309c2f3");
    }
}
