package dev.outrider.data.conversation;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.Message;
import dev.outrider.data.image.ImageNames;
import dev.outrider.data.text.WordGrams;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * Evaluation prompts looked for in training data, since a draft that was trained on them proves nothing. Texts
 * are compared as words, without case and punctuation. A conversation is contaminated where one of its messages is
 * a prompt, or where it holds at least a share of a prompt's runs of 13 words (GPT-3's length; arXiv 2005.14165,
 * appendix C). Prompts of 8 to 12 words count as one run; shorter ones only as a whole message.
 *
 * <p>Prompts about images are known by these, since many ask the same of different images: a conversation about one of the
 * evaluation's images is contaminated, whatever it says.
 */
public final class Contamination implements Serializable {
    private static final int RUN = 13, LEAST_WORDS = 8;
    /** Half of a prompt's runs: less is a quotation that both made. */
    public static final double SHARE = 0.5;

    private final List<String> prompts;
    private final double share;
    private final Map<String, Integer> whole = new HashMap<>();
    private final Map<Long, int[]> runs = new HashMap<>();
    private final Set<Integer> lengths = new TreeSet<>();
    private final int[] counts;
    private final Set<String> images = new HashSet<>();

    /**
     * A training conversation that holds an evaluation prompt.
     *
     * @param place of the conversation, file and line
     * @param prompt the evaluation prompt, or the image
     * @param share of its runs that were found; 1 where a message is the prompt, or an image the same
     */
    public record Found(String place, String prompt, double share) implements Serializable {}

    private Contamination(List<String> prompts, double share) {
        this.prompts = prompts;
        this.share = share;
        this.counts = new int[prompts.size()];
        for (int i = 0; i < counts.length; i++) enter(i, WordGrams.words(prompts.get(i)));
    }

    /** @param share of a prompt's runs, from which on it counts as found; in (0, 1] */
    public static Contamination of(List<String> prompts, double share) {
        return of(prompts, Set.of(), share);
    }

    private static Contamination of(List<String> prompts, Set<String> images, double share) {
        List<String> distinct = List.copyOf(new LinkedHashSet<>(prompts));
        if (distinct.size() + images.size() == 0 || share <= 0 || share > 1) {
            throw Failure.usage(
                    "contamination",
                    distinct.size() + " evaluation prompts, share " + share,
                    "some prompts and a share in (0, 1]",
                    "Correct the setting.");
        }
        Contamination contamination = new Contamination(distinct, share);
        contamination.images.addAll(images);
        return contamination;
    }

    /** All that users say in these files, and the images that they say it about. */
    public static Contamination of(ConversationFiles evaluation, double share) {
        List<String> prompts = new ArrayList<>();
        Set<String> images = new HashSet<>();
        evaluation.forEach(example -> {
            if (!(example instanceof Conversation c)) return;
            for (String image : c.images()) images.add(ImageNames.key(image));
            if (!c.images().isEmpty()) return;
            for (Message m : c.messages()) if (m.role().equals(Message.USER)) prompts.add(m.text());
        });
        return of(prompts, images, share);
    }

    private void enter(int prompt, List<String> words) {
        if (words.isEmpty()) return;
        whole.putIfAbsent(String.join(" ", words), prompt);
        if (words.size() < LEAST_WORDS) return;
        int length = Math.min(RUN, words.size());
        long[] own = WordGrams.of(words, length);
        lengths.add(length);
        counts[prompt] = own.length;
        for (long run : own) {
            runs.merge(run, new int[] {prompt}, (a, b) -> {
                int[] both = java.util.Arrays.copyOf(a, a.length + 1);
                both[a.length] = b[0];
                return both;
            });
        }
    }

    /** How many evaluation prompts and images there are. */
    public int size() {
        return prompts.size() + images.size();
    }

    /** An image that both have, or the prompt that the conversation holds most of, if it holds enough of any. */
    public Optional<Found> find(Conversation conversation) {
        for (String image : conversation.images()) {
            if (images.contains(ImageNames.key(image))) return Optional.of(new Found(conversation.place(), image, 1));
        }
        Set<Long> seen = new HashSet<>();
        Map<Integer, Integer> hits = new HashMap<>();
        for (Message message : conversation.messages()) {
            List<String> words = WordGrams.words(message.text());
            Integer same = whole.get(String.join(" ", words));
            if (same != null) return Optional.of(new Found(conversation.place(), prompts.get(same), 1));
            for (int length : lengths) if (words.size() >= length) count(words, length, seen, hits);
        }
        return best(hits).map(i -> new Found(conversation.place(), prompts.get(i), hits.get(i) / (double) counts[i]));
    }

    private void count(List<String> words, int length, Set<Long> seen, Map<Integer, Integer> hits) {
        for (long run : WordGrams.of(words, length)) {
            int[] in = runs.get(run);
            if (in == null || !seen.add(run)) continue;
            for (int prompt : in) hits.merge(prompt, 1, Integer::sum);
        }
    }

    private Optional<Integer> best(Map<Integer, Integer> hits) {
        return hits.keySet().stream()
                .filter(i -> hits.get(i) >= share * counts[i])
                .max((a, b) -> {
                    int order = Double.compare(hits.get(a) / (double) counts[a], hits.get(b) / (double) counts[b]);
                    return order != 0 ? order : Integer.compare(b, a);
                });
    }
}
