package dev.outrider.data.answers;

import dev.outrider.decode.speculate.BatchAnswer;
import dev.outrider.decode.speculate.BatchDecoder;
import dev.outrider.decode.speculate.BatchRequest;
import dev.outrider.decode.speculate.TopLaws;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;

/**
 * The questions of many parts as one queue, so that a part's last answers do not leave the batch half empty.
 * A part is opened when all questions before it have been handed out, and written when its last answer is
 * there.
 */
final class AnswerQueue implements Iterator<BatchRequest>, BatchDecoder.Watch {
    /** Where finished parts go. */
    @FunctionalInterface
    interface Sink {
        void write(Part part, List<Answer> answers, List<TopLaws> laws) throws IOException;
    }

    /** A part in work. */
    private static final class Open {
        final Part part;
        final Answer[] answers;
        final TopLaws[] laws;
        int missing;

        Open(Part part, int questions) {
            this.part = part;
            answers = new Answer[questions];
            laws = new TopLaws[questions];
            missing = questions;
        }
    }

    private record Place(Open open, int index, Question question) {}

    private final AnswerTask task;
    private final TaskEyes eyes;
    private final Iterator<Part> parts;
    private final Runnable eachStep;
    private final Sink sink;
    private final Deque<BatchRequest> ready = new ArrayDeque<>();
    private final Map<BatchRequest, Place> places = new IdentityHashMap<>();

    /** @param eachStep after every step of the batch; what it throws ends the run */
    AnswerQueue(AnswerTask task, TaskEyes eyes, Iterator<Part> parts, Runnable eachStep, Sink sink) {
        this.task = task;
        this.eyes = eyes;
        this.parts = parts;
        this.eachStep = eachStep;
        this.sink = sink;
    }

    @Override
    public boolean hasNext() {
        while (ready.isEmpty() && parts.hasNext()) open(parts.next());
        return !ready.isEmpty();
    }

    @Override
    public BatchRequest next() {
        if (!hasNext()) throw new NoSuchElementException();
        return ready.remove();
    }

    private void open(Part part) {
        List<Question> questions = task.questions(part);
        Open open = new Open(part, questions.size());
        for (int i = 0; i < questions.size(); i++) ask(new Place(open, i, questions.get(i)));
        writeIfWhole(open);
    }

    // What cannot be asked has its answer at once.
    private void ask(Place place) {
        switch (task.request(place.question, eyes)) {
            case AnswerTask.Asked(BatchRequest request) -> {
                places.put(request, place);
                ready.add(request);
            }
            case AnswerTask.Settled(Answer answer) -> put(place, answer, TopLaws.NONE);
        }
    }

    @Override
    public void answered(BatchAnswer answer) {
        Place place = places.remove(answer.request());
        put(place, task.answer(place.question, answer), answer.failure().isPresent() ? TopLaws.NONE : answer.laws());
        writeIfWhole(place.open);
    }

    private static void put(Place place, Answer answer, TopLaws laws) {
        place.open.answers[place.index] = answer;
        place.open.laws[place.index] = laws;
        place.open.missing--;
    }

    private void writeIfWhole(Open open) {
        if (open.missing > 0) return;
        try {
            sink.write(open.part, List.of(open.answers), List.of(open.laws));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void stepped(int tokens) {
        eachStep.run();
    }
}
