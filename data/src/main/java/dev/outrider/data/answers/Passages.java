package dev.outrider.data.answers;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.ChatTemplate;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.shard.Hashes;
import dev.outrider.data.text.Source;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.sql.SparkSession;

/**
 * Prompts about passages of plain text: summaries, questions with the text to look them up in, translations. Whoever
 * serves such requests but has kept none makes them from his documents.
 *
 * @param source a passage is one of its documents
 * @param least shorter ones are left out, in words
 * @param most longer ones are cut after so many words
 * @param asks what is asked, {@link #PLACE} where the passage goes; each passage is asked one of them, in turn
 */
public record Passages(Source source, int least, int most, List<String> asks) {
    /** What stands for the passage. */
    public static final String PLACE = "{passage}";

    private static final String SPACES = "\\s+";

    public Passages {
        for (String ask : asks) {
            if (ask.contains(PLACE)) continue;
            throw Failure.usage("passages", "\"" + ask + "\"", PLACE + " in it", "Say where the passage goes.");
        }
        if (asks.isEmpty() || least < 1 || most < least) {
            throw Failure.usage(
                    "passages",
                    asks.size() + " asks, passages of " + least + " to " + most + " words",
                    "at least one ask, and one word",
                    "Correct the setting.");
        }
    }

    /** What users ask, in an order that is no order of the texts; equal passages once. */
    public List<String> asked(SparkSession spark) {
        int fewest = least;
        List<String> found = source.read(spark)
                .map(String::strip)
                .filter(text -> text.split(SPACES).length >= fewest)
                .distinct()
                .sortBy(Hashes::of, true, 1)
                .collect();
        return IntStream.range(0, found.size())
                .mapToObj(i -> asks.get(i % asks.size()).replace(PLACE, cut(found.get(i), most)))
                .toList();
    }

    private static String cut(String text, int most) {
        String[] words = text.split(SPACES, most + 1);
        return words.length <= most ? text : String.join(" ", Arrays.copyOf(words, most));
    }

    /** The same in a chat template, the assistant's turn opened. */
    public List<Prompt> prompts(SparkSession spark, ChatTemplate template, Tokenizer tokenizer) {
        return asked(spark).stream()
                .map(text -> Prompt.asked("passage", template, tokenizer, text))
                .toList();
    }
}
