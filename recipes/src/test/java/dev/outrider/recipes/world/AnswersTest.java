package dev.outrider.recipes.world;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Answers are worked out again from the words of the prompt alone. */
class AnswersTest {
    private static final World WORLD = new World(11);
    static final List<String> NUMBERS = List.of(
            "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve");
    private static final Set<String> MOST = Set.of("tallest", "oldest", "fastest", "strongest");
    private static final Set<String> MORE = Set.of("taller", "older", "faster", "stronger");
    private static final Pattern COMPARED = Pattern.compile("(\\w+) is (\\w+er) than (\\w+)\\.");
    private static final String COLOURS = "red|blue|green|yellow|white|black|brown|grey|orange|purple|pink";

    private static Stream<Prompt> prompts(Task task) {
        return LongStream.range(0, 800)
                .flatMap(i -> LongStream.of(i, World.HELD_OUT + i))
                .mapToObj(i -> WORLD.prompt(task, i));
    }

    @Test
    void reasonedAnswersAreRight() {
        Map<String, Integer> kinds = new HashMap<>();
        prompts(Task.REASON).forEach(p -> {
            String kind = kind(p.prompt());
            kinds.merge(kind, 1, Integer::sum);
            String conclusion = p.answer().replaceAll("(?s).*So the answer is (.*)\\.$", "$1");
            assertThat(conclusion).as(p.text()).isEqualTo(solve(kind, p.prompt()));
        });
        assertThat(kinds).hasSize(5);
    }

    @Test
    void stepsAreNumberedAndTheirSumsRight() {
        prompts(Task.REASON).forEach(p -> {
            String[] lines = p.answer().split("\n");
            for (int i = 0; i < lines.length - 1; i++) assertThat(lines[i]).startsWith((i + 1) + ". ");
            assertThat(lines[lines.length - 1]).startsWith("So the answer is ");
            for (MatchResult m : matches("(\\d+) ([-+]) (\\d+) = (\\d+)", p.answer())) {
                int by = Integer.parseInt(m.group(3)) * (m.group(2).equals("+") ? 1 : -1);
                assertThat(Integer.parseInt(m.group(4))).isEqualTo(Integer.parseInt(m.group(1)) + by);
            }
            for (MatchResult m : matches("(\\w+) plus (\\w+) is (\\w+)", p.answer())) {
                assertThat(number(m.group(3))).isEqualTo(number(m.group(1)) + number(m.group(2)));
            }
        });
    }

    @Test
    void shortAnswersAreRight() {
        Set<String> kinds = new HashSet<>();
        prompts(Task.QUESTION).forEach(p -> {
            String question = p.prompt().substring(p.prompt().lastIndexOf('\n') + 1);
            String answer = p.answer()
                    .substring(0, p.answer().replace(',', '.').indexOf('.'))
                    .toLowerCase();
            kinds.add(question.split(" ")[0]);
            assertThat(right(question, answer, lines(p.prompt()))).as(p.text()).isTrue();
            if (answer.equals("yes")) {
                String said = p.answer().replaceAll("^.*(There is|There are|You can see) |\\.$", "");
                assertThat(lines(p.prompt())).as(p.text()).contains(said);
            }
        });
        assertThat(kinds).hasSizeGreaterThan(5);
    }

    static boolean right(String question, String answer, List<String> lines) {
        if (question.matches("Is there .*|Can you see .*|Do you see .*")) {
            boolean there = lines.stream().anyMatch(tells(last("(?:an?|any) (\\w+)", question)));
            return answer.equals(there ? "yes" : "no");
        }
        if (question.matches("Who .*|Which person .*")) {
            String doing = question.replaceAll("Who is |Who can be seen |Which person is |\\?", "");
            return only(lines, l -> l.contains(" is " + doing + " "))
                    .toLowerCase()
                    .startsWith(answer);
        }
        if (question.matches(".* (doing|do)\\?")) {
            return only(lines, l -> question.contains(" " + first(l) + " ")).contains(" is " + answer + " ");
        }
        if (question.matches("How many .*|What is the number .*")) {
            return count(lines, last("(?:many|of) (\\w+)", question)) == number(answer);
        }
        String line = only(lines, tells(last("(\\w+)\\?", question)));
        return question.contains("colour")
                ? last("(" + COLOURS + ") \\w+ ", line).equals(answer)
                : line.endsWith(" " + answer);
    }

    @Test
    void descriptionsMentionEveryFact() {
        prompts(Task.DESCRIBE).forEach(p -> {
            String text = p.answer().toLowerCase();
            for (String line : lines(p.prompt())) {
                for (String word : line.split(" "))
                    assertThat(text).as(p.text()).contains(word.toLowerCase());
            }
        });
    }

    static String kind(String prompt) {
        if (prompt.contains("puts the")) return "moves";
        if (!matches("(takes|takes away|adds|puts in) \\d+", prompt).isEmpty()) return "changes";
        if (COMPARED.matcher(prompt).find()) return "ranking";
        return prompt.contains("more ") ? "more" : "together";
    }

    static String solve(String kind, String prompt) {
        return switch (kind) {
            case "moves" -> last("puts the \\w+ ([^.]+)\\.", prompt);
            case "changes" -> changed(prompt);
            case "ranking" -> ranked(prompt);
            case "more" -> more(prompt);
            default -> together(prompt);
        };
    }

    static String changed(String prompt) {
        int now = Integer.parseInt(last("There are (\\d+)", prompt));
        for (MatchResult m : matches("(takes away|takes|adds|puts in) (\\d+)", prompt)) {
            now += Integer.parseInt(m.group(2)) * (m.group(1).startsWith("takes") ? -1 : 1);
        }
        return String.valueOf(now);
    }

    // The one that is never on the other side of a comparison.
    private static String ranked(String prompt) {
        boolean most = MOST.stream().anyMatch(prompt::contains);
        Set<String> better = new HashSet<>(), worse = new HashSet<>();
        for (MatchResult m : COMPARED.matcher(prompt).results().toList()) {
            boolean more = MORE.contains(m.group(2));
            better.add(m.group(more ? 1 : 3));
            worse.add(m.group(more ? 3 : 1));
        }
        Set<String> found = new HashSet<>(most ? better : worse);
        found.removeAll(most ? worse : better);
        assertThat(found).as(prompt).hasSize(1);
        return found.iterator().next();
    }

    private static String more(String prompt) {
        MatchResult asked =
                matches("more(?: of,)? (\\w+) or (?:more )?(\\w+)\\?", prompt).getFirst();
        int left = count(lines(prompt), asked.group(1)), right = count(lines(prompt), asked.group(2));
        assertThat(left).as(prompt).isNotEqualTo(right);
        return left > right ? asked.group(1) : asked.group(2);
    }

    private static String together(String prompt) {
        int n = count(lines(prompt), last("(?:How many|number of) (\\w+)", prompt));
        return n < NUMBERS.size() ? NUMBERS.get(n) : String.valueOf(n);
    }

    static List<String> lines(String prompt) {
        return prompt.lines()
                .filter(l -> l.startsWith("- "))
                .map(l -> l.substring(2))
                .toList();
    }

    private static String only(List<String> lines, Predicate<String> fits) {
        List<String> found = lines.stream().filter(fits).toList();
        assertThat(found).as(lines.toString()).hasSize(1);
        return found.getFirst();
    }

    private static int count(List<String> lines, String noun) {
        return lines.stream()
                .filter(tells(noun))
                .mapToInt(l -> first(l).matches("an?") ? 1 : number(first(l)))
                .sum();
    }

    /** Whether a line is of such things: the noun follows a colour; singular or plural on either side. */
    private static Predicate<String> tells(String noun) {
        return line -> matches("(?:" + COLOURS + ") (\\w+)", line).stream().anyMatch(m -> same(m.group(1), noun));
    }

    private static boolean same(String a, String b) {
        String shorter = a.length() < b.length() ? a : b, longer = shorter.equals(a) ? b : a;
        return longer.equals(shorter) || longer.equals(shorter + "s") || longer.equals(shorter + "es");
    }

    private static int number(String text) {
        int n = NUMBERS.indexOf(text.toLowerCase());
        return n >= 0 ? n : Integer.parseInt(text);
    }

    private static String first(String line) {
        return line.split(" ")[0];
    }

    static String last(String pattern, String text) {
        List<MatchResult> found = matches(pattern, text);
        assertThat(found).as(pattern + " in " + text).isNotEmpty();
        return found.getLast().group(1);
    }

    static List<MatchResult> matches(String pattern, String text) {
        return Pattern.compile(pattern).matcher(text).results().toList();
    }
}
