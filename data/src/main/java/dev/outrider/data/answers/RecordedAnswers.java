package dev.outrider.data.answers;

import dev.outrider.data.shard.Shards;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.speculate.Recorded;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Answers that a target gave, as drafters are replayed and calibrated on them: pictures are left out of their prompts, as
 * drafters read them that cannot see. Reads without Spark.
 */
public final class RecordedAnswers {
    private RecordedAnswers() {}

    /**
     * The greedy answers of a finished folder of {@link Answers}.
     *
     * @throws dev.outrider.checkpoints.Failure DATA if parts are missing
     */
    public static List<Recorded> greedy(Path answers) {
        List<Recorded> greedy = new ArrayList<>();
        Answers.read(answers, answer -> {
            if (answer.success() && answer.temperature() == 0 && answer.answerIds().length > 0) {
                greedy.add(new Recorded(Picture.left(answer.promptIds()), answer.answerIds()));
            }
        });
        return greedy;
    }

    /** Rows with one answer each: what is supervised is the answer, what stands before it the prompt. */
    public static List<Recorded> of(Shards shards) {
        List<Recorded> recorded = new ArrayList<>();
        int[] tokens = new int[shards.length()];
        byte[] mask = new byte[shards.length()];
        for (long row = 0; row < shards.rows(); row++) {
            shards.read(row, tokens, 0, mask, 0);
            int from = 0;
            while (from < mask.length && mask[from] == 0) from++;
            int to = from;
            while (to < mask.length && mask[to] == 1) to++;
            if (from == 0 || from == to) continue;
            recorded.add(new Recorded(Picture.left(Arrays.copyOf(tokens, from)), Arrays.copyOfRange(tokens, from, to)));
        }
        return recorded;
    }
}
