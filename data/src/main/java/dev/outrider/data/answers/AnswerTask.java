package dev.outrider.data.answers;

import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.SharedTokenizer;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.speculate.Decoder;
import dev.outrider.decode.speculate.Generation;
import dev.outrider.decode.speculate.Limits;
import dev.outrider.decode.speculate.Listener;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.apache.spark.TaskContext;

/**
 * What a Spark task does: answers its parts one after the other with a model and cache of its own over the
 * process's shared weights.
 *
 * @param slots tasks that run at a time in a process
 * @param threads of a task; 0: the processors shared out among the slots
 */
record AnswerTask(AnswerPlan plan, String target, SharedTokenizer tokenizer, String output, int slots, int threads)
        implements Serializable {

    void run(Iterator<Part> parts) throws IOException {
        if (!parts.hasNext()) return;
        try (SharedTarget shared = SharedTarget.open(Path.of(target));
                CpuDevice device = new CpuDevice(threadsHere());
                Llama model = new Llama(device, shared.weights(), plan.context())) {
            Decoder decoder = new Decoder(model);
            while (parts.hasNext()) {
                Part part = parts.next();
                part.write(Path.of(output), answers(part, decoder, limits(model.config())));
            }
        }
    }

    private int threadsHere() {
        return threads > 0 ? threads : Math.max(1, Runtime.getRuntime().availableProcessors() / slots);
    }

    List<Answer> answers(Part part, Decoder decoder, Limits limits) {
        List<Answer> out = new ArrayList<>();
        for (Question question : Question.all(part.prompts(), plan)) {
            if (TaskContext.get() != null) TaskContext.get().killTaskIfInterrupted();
            out.add(answer(question, decoder, limits));
        }
        return out;
    }

    private Limits limits(ModelConfig config) {
        Tokenizer t = tokenizer.tokenizer();
        Set<Integer> ends =
                config.eosIds().isEmpty() && t.eosId() >= 0 ? Set.of(t.eosId()) : Set.copyOf(config.eosIds());
        return new Limits(plan.maxTokens(), ends, List.of(), Optional.of(t));
    }

    private Answer answer(Question question, Decoder decoder, Limits limits) {
        int[] prompt = {};
        try {
            prompt = promptIds(question.prompt());
            if (prompt.length >= plan.context()) return skipped(question, prompt);
            Generation answer = decoder.autoregressive(
                    prompt, question.sampling(plan.topP()), limits, question.seed(plan.seed()), Listener.NONE);
            String finish = answer.finish().name().toLowerCase(Locale.ROOT);
            return answer(question, prompt, answer.tokens(), answer.text(), finish, "");
        } catch (RuntimeException e) {
            return answer(question, prompt, new int[0], "", Answer.ERROR, String.valueOf(e.getMessage()));
        }
    }

    private Answer skipped(Question question, int[] prompt) {
        String why = "the prompt's " + prompt.length + " tokens leave no room in a context of " + plan.context();
        return answer(question, prompt, new int[0], "", Answer.SKIPPED, why);
    }

    private Answer answer(Question question, int[] prompt, int[] tokens, String text, String finish, String error) {
        return new Answer(
                question.id(),
                question.prompt().id(),
                question.prompt().task(),
                question.temperature(),
                question.sample(),
                prompt,
                tokens,
                text,
                finish,
                error,
                plan.model());
    }

    private int[] promptIds(Prompt prompt) {
        return prompt.ids() != null ? prompt.ids() : tokenizer.tokenizer().encodeWithBos(prompt.text());
    }
}
