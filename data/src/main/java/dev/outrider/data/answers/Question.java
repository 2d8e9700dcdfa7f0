package dev.outrider.data.answers;

import dev.outrider.data.shard.Hashes;
import dev.outrider.decode.speculate.Sampling;
import java.util.ArrayList;
import java.util.List;

/** A prompt at a temperature: one answer is wanted. */
record Question(Prompt prompt, double temperature, int sample) {
    /** All that are asked about these prompts, in order; greedy answers come once. */
    static List<Question> all(List<Prompt> prompts, AnswerPlan plan) {
        List<Question> out = new ArrayList<>();
        for (Prompt prompt : prompts) {
            for (double temperature : plan.temperatures()) {
                int samples = temperature == 0 ? 1 : plan.samples();
                for (int sample = 0; sample < samples; sample++) out.add(new Question(prompt, temperature, sample));
            }
        }
        return out;
    }

    String id() {
        return prompt.id() + "@" + temperature + "#" + sample;
    }

    /** Of the question and the run alone, so that no answer depends on who else was asked, or where. */
    long seed(long run) {
        return Long.parseUnsignedLong(Hashes.of(run + " " + id()), 0, 16, 16);
    }

    Sampling sampling(double topP) {
        return temperature == 0 ? Sampling.GREEDY : new Sampling(temperature, 0, topP, 0, 1);
    }
}
