package dev.outrider.data.answers;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.SharedTokenizer;
import dev.outrider.data.conversation.PictureIds;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.speculate.BatchAnswer;
import dev.outrider.decode.speculate.BatchDecoder;
import dev.outrider.decode.speculate.BatchRequest;
import dev.outrider.decode.speculate.Limits;
import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.apache.spark.TaskContext;

/**
 * What a Spark task does: answers its parts in one batch over the process's shared weights, with all of the
 * process's threads. It is meant to be the only one in its process at a time.
 *
 * @param threads 0: all processors
 * @param eyes where pictures are
 * @param towerRuns hears how often the tower ran
 */
record AnswerTask(
        AnswerPlan plan,
        String target,
        SharedTokenizer tokenizer,
        String output,
        int threads,
        AnswerEyes eyes,
        Counter towerRuns)
        implements Serializable {

    /** Adds up over all tasks. */
    @FunctionalInterface
    interface Counter extends Serializable {
        void add(long count);
    }

    AnswerTask(AnswerPlan plan, String target, SharedTokenizer tokenizer, String output, int threads) {
        this(plan, target, tokenizer, output, threads, AnswerEyes.NONE, _ -> {});
    }

    /** A question as the batch takes it, or what became of one that cannot be asked. */
    sealed interface Asking {}

    record Asked(BatchRequest request) implements Asking {}

    record Settled(Answer answer) implements Asking {}

    void run(Iterator<Part> parts) throws IOException {
        if (!parts.hasNext()) return;
        Path folder = Path.of(output);
        try (SharedTarget shared = SharedTarget.open(Path.of(target), eyes.tower(), plan.weights());
                CpuDevice device = new CpuDevice(threadsHere());
                TaskEyes seeing = TaskEyes.open(device, shared, eyes);
                BatchDecoder decoder = new BatchDecoder(
                        device,
                        device.threads(),
                        shared.weights(),
                        seeing.eyes(),
                        plan.slots(),
                        plan.context(),
                        plan.topK())) {
            AnswerQueue queue = new AnswerQueue(this, seeing, parts, AnswerTask::endIfKilled, (part, answers, laws) -> {
                // The answers come last: a part is whole when they are there.
                if (plan.topK() > 0) AnswerLaws.write(folder, part.index(), plan.topK(), laws);
                part.write(folder, answers);
            });
            decoder.run(queue, queue);
            towerRuns.add(seeing.towerRuns());
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    private int threadsHere() {
        return threads > 0 ? threads : Runtime.getRuntime().availableProcessors();
    }

    private static void endIfKilled() {
        if (TaskContext.get() != null) TaskContext.get().killTaskIfInterrupted();
    }

    List<Question> questions(Part part) {
        return Question.all(part.prompts(), plan);
    }

    Asking request(Question question, TaskEyes seeing) {
        int[] prompt = {};
        try {
            prompt = promptIds(question.prompt());
            PictureIds.require(prompt, question.prompt().pictures().size());
            requireReadable(prompt);
            int length = seeing.length(prompt);
            if (length >= plan.context()) return new Settled(skipped(question, prompt, length));
            List<Picture> pictures = seeing.pictures(question.prompt().pictures());
            return new Asked(new BatchRequest(
                    prompt, pictures, question.sampling(plan.topP()), limits(), question.seed(plan.seed())));
        } catch (RuntimeException e) {
            return new Settled(failed(question, prompt, List.of(), e));
        }
    }

    // Placeholders have been counted.
    private void requireReadable(int[] prompt) {
        if (prompt.length == 0) {
            throw Failure.data("prompt", "no tokens", "at least one", "Give the prompt a text.");
        }
        for (int id : prompt) {
            if (id < plan.vocabSize()) continue;
            throw Failure.data(
                    "prompt", "token " + id, "0 to " + (plan.vocabSize() - 1), "Use the target's own tokenizer.");
        }
    }

    private Limits limits() {
        return new Limits(plan.maxTokens(), plan.ends(), List.of(), Optional.of(tokenizer.tokenizer()));
    }

    /** The ids that end the target's texts. */
    static Set<Integer> ends(ModelConfig config, Tokenizer tokenizer) {
        boolean own = config.eosIds().isEmpty() && tokenizer.eosId() >= 0;
        return own ? Set.of(tokenizer.eosId()) : Set.copyOf(config.eosIds());
    }

    Answer answer(Question question, BatchAnswer answer) {
        int[] prompt = answer.request().prompt();
        List<String> pictures =
                answer.request().pictures().stream().map(Picture::id).toList();
        if (answer.failure().isPresent())
            return failed(question, prompt, pictures, answer.failure().get());
        String finish = answer.finish().name().toLowerCase(Locale.ROOT);
        return answer(question, prompt, pictures, answer.tokens(), answer.text(), finish, "");
    }

    private Answer failed(Question question, int[] prompt, List<String> pictures, RuntimeException why) {
        String error = Objects.toString(why.getMessage());
        return answer(question, prompt, pictures, new int[0], "", Answer.ERROR, error);
    }

    private Answer skipped(Question question, int[] prompt, int length) {
        String why = "the prompt's " + length + " tokens leave no room in a context of " + plan.context();
        return answer(question, prompt, List.of(), new int[0], "", Answer.SKIPPED, why);
    }

    private Answer answer(
            Question question,
            int[] prompt,
            List<String> pictures,
            int[] tokens,
            String text,
            String finish,
            String error) {
        return new Answer(
                question.id(),
                question.prompt().id(),
                question.prompt().task(),
                question.temperature(),
                question.temperature() == 0 ? 1 : plan.topP(),
                question.sample(),
                question.seed(plan.seed()),
                prompt,
                question.prompt().pictures(),
                pictures,
                tokens,
                text,
                finish,
                error,
                plan.model());
    }

    private int[] promptIds(Prompt prompt) {
        if (prompt.ids() != null) return prompt.ids();
        Tokenizer own = tokenizer.tokenizer();
        return prompt.pictures().isEmpty() ? own.encodeWithBos(prompt.text()) : PictureIds.of(own, prompt.text());
    }
}
