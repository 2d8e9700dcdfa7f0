package dev.outrider.data.answers;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.Failure;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** Some prompts whose answers are written as one file, whole or not at all. */
record Part(int index, List<Prompt> prompts) implements Serializable {
    static final String FOLDER = "parts";
    private static final JsonMapper JSON = new JsonMapper();

    static List<Part> of(List<Prompt> prompts, int promptsPerPart) {
        List<Part> parts = new ArrayList<>();
        for (int at = 0; at < prompts.size(); at += promptsPerPart) {
            int end = Math.min(prompts.size(), at + promptsPerPart);
            parts.add(new Part(parts.size(), List.copyOf(prompts.subList(at, end))));
        }
        return parts;
    }

    static Path file(Path output, int index) {
        return output.resolve(FOLDER).resolve("part-%06d.jsonl".formatted(index));
    }

    void write(Path output, List<Answer> answers) throws IOException {
        AtomicFiles.file(file(output, index), temporary -> {
            try (BufferedWriter out = Files.newBufferedWriter(temporary)) {
                for (Answer answer : answers)
                    out.append(JSON.writeValueAsString(answer)).append('\n');
            }
        });
    }

    static List<Answer> read(Path file) throws IOException {
        List<Answer> out = new ArrayList<>();
        for (String line : Files.readAllLines(file)) out.add(JSON.readValue(line, Answer.class));
        return out;
    }

    /** The part's answers if they are there and are the ones asked for. */
    Optional<List<Answer>> whole(Path output, AnswerPlan plan) {
        Path file = file(output, index);
        if (!Files.exists(file)) return Optional.empty();
        try {
            List<Question> wanted = Question.all(prompts, plan);
            List<Answer> found = read(file);
            boolean same = found.size() == wanted.size()
                    && IntStream.range(0, found.size())
                            .allMatch(i -> found.get(i).answers(wanted.get(i), plan.model()));
            boolean whole = same && (plan.topK() == 0 || AnswerLaws.belong(output, index, plan.topK(), found));
            return whole ? Optional.of(found) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** All answers of a finished folder's part; Failure DATA if it is missing or damaged. */
    static List<Answer> require(Path output, int index) {
        Path file = file(output, index);
        try {
            return read(file);
        } catch (IOException e) {
            throw Failure.data(
                    file.toString(),
                    Files.exists(file) ? "a damaged part (" + e.getMessage() + ")" : "no such part",
                    "the answers to some prompts",
                    "Run the same generation again: it writes what is missing.");
        }
    }
}
