package dev.outrider.data.answers;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.ChatTemplate;
import dev.outrider.checkpoints.chat.Message;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.SparkFailures;
import dev.outrider.data.conversation.Contamination;
import dev.outrider.data.conversation.Conversation;
import dev.outrider.data.shard.Hashes;
import dev.outrider.data.text.NearDuplicates;
import dev.outrider.data.text.WordGrams;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import scala.Tuple2;

/**
 * Prompts that the target writes itself: asked to go on where its chat template opens the user's turn, a model that was
 * trained on conversations says what users say (Magpie, arXiv 2406.08464). So whoever has no prompts can begin, with
 * questions of the kind that the target was made for.
 *
 * @param prompts those kept, in the template, the assistant's turn opened
 * @param counts written; kept; and left out, by reason
 */
public record WrittenPrompts(List<Prompt> prompts, Map<String, Long> counts) {
    private static final int LEAST_CHARACTERS = 8, MOST_CHARACTERS = 2000;
    private static final String PLACE = "\uE000user\uE000";

    /**
     * What the target is to go on from, once for each prompt that is wanted: the template up to the user's first word,
     * and then a beginning of the user's message.
     *
     * @param beginnings taken in turn; an empty one leaves all to the target
     * @throws Failure DATA for a template in which the user's words have no place of their own
     */
    public static List<Prompt> openings(
            ChatTemplate template, Tokenizer tokenizer, int count, List<String> beginnings) {
        String text = opening(template);
        return IntStream.range(0, count)
                .mapToObj(i -> {
                    String begun = text + beginnings.get(i % beginnings.size());
                    return new Prompt("written-%06d".formatted(i), "written", begun, tokenizer.encodeWithBos(begun));
                })
                .toList();
    }

    private static String opening(ChatTemplate template) {
        String text = template.render(List.of(Message.of(Message.USER, PLACE)), true);
        int at = text.indexOf(PLACE);
        if (at >= 0) return text.substring(0, at);
        throw Failure.data(
                template.place(), "no place for the user's words", "a chat template", "Name another template.");
    }

    /**
     * The prompts among what the target wrote.
     *
     * @param answers finished folder of answers to the openings
     * @param openings what {@link #openings} gave
     * @param evaluated prompts that are evaluated on, and so left out
     * @param similarity Jaccard's over runs of five words, from which on two count as one; 1: only equal ones
     */
    public static WrittenPrompts of(
            SparkSession spark,
            Path answers,
            List<Prompt> openings,
            ChatTemplate template,
            Tokenizer tokenizer,
            Optional<Contamination> evaluated,
            double similarity,
            long seed) {
        List<Answer> written = new ArrayList<>();
        Answers.read(answers, written::add);
        return of(spark, written, openings, template, tokenizer, evaluated, similarity, seed);
    }

    static WrittenPrompts of(
            SparkSession spark,
            List<Answer> written,
            List<Prompt> openings,
            ChatTemplate template,
            Tokenizer tokenizer,
            Optional<Contamination> evaluated,
            double similarity,
            long seed) {
        Map<String, Long> counts = new TreeMap<>();
        Map<String, String> texts = new LinkedHashMap<>(), begun = new HashMap<>();
        int before = opening(template).length();
        openings.forEach(o -> begun.put(o.id(), o.text().substring(before)));
        for (Answer answer : written) {
            String text = (begun.get(answer.promptId()) + answer.text()).strip();
            String fate = fate(answer, text, tokenizer);
            String words = String.join(" ", WordGrams.words(text));
            if (fate.equals("kept") && evaluated(evaluated, answer, text)) fate = "evaluated_on";
            if (fate.equals("kept") && texts.putIfAbsent(words, text) != null) fate = "said_before";
            counts.merge("written", 1L, Long::sum);
            counts.merge(fate, 1L, Long::sum);
        }
        Set<String> alike = similarity < 1 ? alike(spark, texts, new NearDuplicates(similarity, 5, seed)) : Set.of();
        counts.put("nearly_said_before", (long) alike.size());
        counts.merge("kept", (long) -alike.size(), Long::sum);
        List<Prompt> prompts = new ArrayList<>();
        texts.forEach((words, text) -> {
            if (!alike.contains(Hashes.of(words))) prompts.add(Prompt.asked("written", template, tokenizer, text));
        });
        return new WrittenPrompts(prompts, counts);
    }

    private static String fate(Answer answer, String text, Tokenizer tokenizer) {
        if (!answer.success()) return "failed";
        if (!answer.finish().equals("eos")) return "never_ended";
        if (text.length() < LEAST_CHARACTERS) return "too_short";
        if (text.length() > MOST_CHARACTERS) return "too_long";
        boolean clean = text.codePoints()
                .noneMatch(c -> c == 0xFFFD || Character.isISOControl(c) && !Character.isWhitespace(c));
        boolean plain = IntStream.of(answer.answerIds())
                .limit(answer.answerIds().length - 1L)
                .noneMatch(id -> tokenizer.decode(new int[] {id, id}).isEmpty()); // the first space is no text
        return clean && plain ? "kept" : "not_plain_text";
    }

    private static boolean evaluated(Optional<Contamination> evaluated, Answer answer, String text) {
        Message said = Message.of(Message.USER, text);
        Conversation one = new Conversation(answer.id(), "", List.of(said), List.of(), "", answer.id());
        return evaluated.flatMap(e -> e.find(one)).isPresent();
    }

    private static Set<String> alike(SparkSession spark, Map<String, String> texts, NearDuplicates duplicates) {
        var context = JavaSparkContext.fromSparkContext(spark.sparkContext());
        List<Tuple2<String, String>> keyed = texts.keySet().stream()
                .map(words -> new Tuple2<>(Hashes.of(words), words))
                .toList();
        return SparkFailures.unwrapped(() -> Set.copyOf(
                duplicates.find(spark, context.parallelizePairs(keyed)).keys().collect()));
    }
}
