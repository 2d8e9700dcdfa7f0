package dev.outrider.recipes.world;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Answers are worked out again from the pixels and the words of the prompt alone. */
class SeenAnswersTest {
    private static final Sights SIGHTS = new Sights(11);
    private static final String SPOT = "in the (?:top|bottom) (?:left|right) corner";
    private static final String THINGS =
            "(?:an?|two|three) (?:(?:small|big) )?(?:red|blue|green|yellow|purple|orange) (?:circle|square|triangle|cross|ring)(?:e?s)?";

    private static Stream<SeenPrompt> prompts(SeenTask task) {
        return LongStream.range(0, 500)
                .flatMap(i -> LongStream.of(i, World.HELD_OUT + i))
                .mapToObj(i -> SIGHTS.prompt(task, i));
    }

    private static Eye look(SeenPrompt p) {
        return Eye.of(p.picture().png());
    }

    private static String words(SeenPrompt p) {
        assertThat(p.prompt()).startsWith("<image>\n");
        return p.prompt().substring("<image>\n".length());
    }

    @Test
    void picturesShowTheirViews() {
        for (long i = 0; i < 1000; i++) {
            Drawing picture = SIGHTS.picture(i);
            Eye eye = Eye.of(picture.png());
            List<String> seen =
                    eye.things().stream().map(t -> t.words() + " " + t.spot()).toList();
            assertThat(eye.ground() + seen).isEqualTo(picture.toString());
        }
    }

    @Test
    void captionsSayAllThatThereIs() {
        for (long i = 0; i < 500; i++) {
            Caption caption = SIGHTS.caption(i);
            Eye eye = Eye.of(caption.picture().png());
            assertThat(caption.text()).contains(eye.ground());
            int at = -1;
            for (Eye.Thing thing : eye.things()) {
                int things = caption.text().indexOf(thing.words());
                String corner = thing.spot().replace("in the ", "").replace(" corner", "");
                int place = caption.text().indexOf(corner, things);
                assertThat(things).as(caption.text()).isGreaterThan(at);
                assertThat(place)
                        .as(caption.text())
                        .isBetween(things, things + thing.words().length() + 8);
                at = place;
            }
            assertThat(AnswersTest.matches(THINGS, caption.text())).hasSameSizeAs(eye.things());
        }
    }

    @Test
    void descriptionsSayEverythingInReadingOrder() {
        prompts(SeenTask.SEEN_DESCRIBE).forEach(p -> {
            Eye eye = look(p);
            List<String> sentences =
                    new ArrayList<>(List.of(p.answer().toLowerCase().split("(?<=\\.) ")));
            assertThat(sentences.removeFirst()).contains(" " + eye.ground() + " ground");
            String rest = eye.things().size() == 3 ? "other corner is" : "other two corners are";
            assertThat(sentences.removeLast()).as(p.text()).contains(rest);
            List<String> told = sentences.stream()
                    .map(s -> AnswersTest.last("(" + THINGS + ")", s) + " " + AnswersTest.last("(" + SPOT + ")", s))
                    .toList();
            List<String> seen =
                    eye.things().stream().map(t -> t.words() + " " + t.spot()).toList();
            assertThat(told).as(p.text()).isEqualTo(seen);
        });
    }

    @Test
    void shortAnswersAreRight() {
        Set<String> kinds = new HashSet<>();
        prompts(SeenTask.SEEN_QUESTION).forEach(p -> {
            Eye eye = look(p);
            String question = words(p), said = p.answer().toLowerCase();
            String word = said.substring(0, said.replace(',', '.').indexOf('.'));
            assertThat(word).as(p.text() + " " + p.picture()).isEqualTo(eye.answer(question));
            assertThat(eye.things().stream().map(Eye.Thing::words)).containsAll(all(THINGS, said));
            sentences(eye, said.substring(word.length() + 1), p);
            kinds.add(question.replaceAll("(circle|square|triangle|cross|ring)(e?s)?|" + SPOT, "X"));
        });
        assertThat(kinds).hasSizeGreaterThan(15);
    }

    // What the sentence behind the word says of a thing and its place is so.
    private static void sentences(Eye eye, String said, SeenPrompt p) {
        for (Eye.Thing t : eye.things()) {
            boolean meant = said.contains("the " + t.nouns() + " in ")
                    || said.contains("the " + t.colour() + " " + t.nouns())
                    || said.contains(t.words());
            if (!meant) continue;
            for (String spot : all(SPOT, said)) assertThat(spot).as(p.text()).isEqualTo(t.spot());
        }
    }

    private static List<String> all(String pattern, String text) {
        return AnswersTest.matches(pattern, text).stream()
                .map(MatchResult::group)
                .toList();
    }

    @Test
    void reasonedAnswersAreRight() {
        prompts(SeenTask.SEEN_REASON).forEach(p -> {
            int start = look(p).count(asked(p));
            String conclusion = p.answer().replaceAll("(?s).*So the answer is (.*)\\.$", "$1");
            assertThat(conclusion).as(p.text()).isEqualTo(String.valueOf(changed(start, words(p))));
            assertThat(p.answer()).startsWith("1. In the picture there ");
            assertThat(p.answer().lines().findFirst().orElseThrow())
                    .contains(" " + AnswersTest.NUMBERS.get(start) + " ");
            for (MatchResult m : AnswersTest.matches("(\\d+) ([-+]) (\\d+) = (\\d+)", p.answer())) {
                int by = Integer.parseInt(m.group(3)) * (m.group(2).equals("+") ? 1 : -1);
                assertThat(Integer.parseInt(m.group(4))).isEqualTo(Integer.parseInt(m.group(1)) + by);
            }
        });
    }

    private static String asked(SeenPrompt p) {
        return AnswersTest.last("(?:How many|number of) (\\w+)", p.prompt());
    }

    private static int changed(int start, String prompt) {
        return Integer.parseInt(AnswersTest.changed("There are " + start + ". " + prompt));
    }

    /** All that is asked for is told: the picture need not be looked at. */
    @Test
    void unseenAnswersFollowFromTheTextAlone() {
        prompts(SeenTask.UNSEEN_QUESTION).forEach(p -> {
            String prompt = words(p), question = prompt.substring(prompt.lastIndexOf('\n') + 1);
            String said = p.answer().toLowerCase(),
                    word = said.substring(0, said.replace(',', '.').indexOf('.'));
            assertThat(AnswersTest.right(question, word, AnswersTest.lines(prompt)))
                    .as(p.text())
                    .isTrue();
        });
        prompts(SeenTask.UNSEEN_REASON).forEach(p -> {
            String conclusion = p.answer().replaceAll("(?s).*So the answer is (.*)\\.$", "$1");
            assertThat(conclusion).as(p.text()).isEqualTo(AnswersTest.solve(AnswersTest.kind(words(p)), words(p)));
        });
    }

    /** To every prompt that needs the picture there is another picture with another answer, the text being the same. */
    @ParameterizedTest
    @EnumSource(
            value = SeenTask.class,
            names = {"SEEN_DESCRIBE", "SEEN_QUESTION", "SEEN_REASON"})
    void withAnotherPictureTheAnswerIsAnother(SeenTask task) {
        assertThat(task.needsPicture()).isTrue();
        List<Eye> others = LongStream.range(0, 200)
                .mapToObj(i -> Eye.of(SIGHTS.picture(5000 + i).png()))
                .toList();
        prompts(task).limit(300).forEach(p -> {
            String own = answer(p, look(p));
            assertThat(others.stream().map(o -> answer(p, o)).filter(a -> !a.equals("?") && !a.equals(own)))
                    .as(p.text())
                    .isNotEmpty();
        });
    }

    private static String answer(SeenPrompt p, Eye eye) {
        return switch (p.task()) {
            case SEEN_DESCRIBE -> eye.toString();
            case SEEN_QUESTION -> eye.answer(words(p));
            default -> eye.count(asked(p)) == 0 ? "?" : "" + changed(eye.count(asked(p)), words(p));
        };
    }

    @Test
    void theSameWordsAreAskedOfPicturesWithDifferentAnswers() {
        for (SeenTask task : List.of(SeenTask.SEEN_DESCRIBE, SeenTask.SEEN_QUESTION)) {
            List<SeenPrompt> all = prompts(task).toList();
            SeenPrompt first = all.getFirst();
            Set<String> answers = new HashSet<>();
            all.stream().filter(p -> p.prompt().equals(first.prompt())).forEach(p -> answers.add(p.answer()));
            assertThat(answers).as(first.prompt()).hasSizeGreaterThan(1);
        }
    }
}
