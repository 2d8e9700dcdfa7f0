package dev.outrider.data.answers;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.io.Serializable;
import java.util.Arrays;
import java.util.List;

/**
 * What became of a prompt at a temperature: one line of a part.
 *
 * @param id prompt id, temperature and number of the sample
 * @param topP 1 where greedy
 * @param seed of the answer's own random decisions
 * @param promptIds tokens of the prompt, BOS included; -1 - k stands for the k-th of the pictures
 * @param images names of the image files that it is about
 * @param pictures their ids, the hashes of the files; none where one of them is no picture
 * @param answerIds tokens of the answer, an ending EOS included
 * @param text of the answer
 * @param finish {@code eos}, {@code stop} or {@code length}; else {@code skipped} or {@code error}
 * @param error why there is no answer; empty if there is one
 * @param model {@code Checkpoint.hash()} of the target
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record Answer(
        String id,
        String promptId,
        String task,
        double temperature,
        double topP,
        int sample,
        long seed,
        int[] promptIds,
        List<String> images,
        List<String> pictures,
        int[] answerIds,
        String text,
        String finish,
        String error,
        String model)
        implements Serializable {
    static final String SKIPPED = "skipped", ERROR = "error";

    /** Absent in files of versions that saw nothing. */
    public Answer {
        images = images == null ? List.of() : List.copyOf(images);
        pictures = pictures == null ? List.of() : List.copyOf(pictures);
    }

    /** One to a prompt without pictures. */
    public Answer(
            String id,
            String promptId,
            String task,
            double temperature,
            double topP,
            int sample,
            long seed,
            int[] promptIds,
            int[] answerIds,
            String text,
            String finish,
            String error,
            String model) {
        this(
                id,
                promptId,
                task,
                temperature,
                topP,
                sample,
                seed,
                promptIds,
                List.of(),
                List.of(),
                answerIds,
                text,
                finish,
                error,
                model);
    }

    /**
     * Whether this is a model's answer to a question about the same images; of a prompt without tokens of its own the id
     * decides.
     */
    boolean answers(Question question, String hash) {
        int[] asked = question.prompt().ids();
        boolean same = asked == null || skipped() || failed() || Arrays.equals(asked, promptIds);
        return same
                && id.equals(question.id())
                && images.equals(question.prompt().pictures())
                && hash.equals(model);
    }

    @JsonIgnore
    public boolean skipped() {
        return finish.equals(SKIPPED);
    }

    @JsonIgnore
    public boolean failed() {
        return finish.equals(ERROR);
    }

    @JsonIgnore
    public boolean success() {
        return !skipped() && !failed();
    }
}
