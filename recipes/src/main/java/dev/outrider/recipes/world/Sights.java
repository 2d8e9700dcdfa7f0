package dev.outrider.recipes.world;

import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * The part of the {@link World} that can be drawn: pictures of coloured shapes, captions of them, and dialogues about
 * them. Much of an answer is phrases that anybody predicts, some is read off the picture and of no use to guess, and
 * some rests on what the prompt tells: {@link SeenTask} keeps the two kinds of prompts apart.
 *
 * <p>What lies at an index depends on seed and index only: one picture, its caption, and a prompt of each task, all
 * about that picture. Indices from {@link World#HELD_OUT} on are for evaluation: an eighth of all imaginable pictures
 * is reserved for them, by hash, and so is an eighth of what is told; neither occurs below.
 */
public final class Sights {
    private final long seed;

    public Sights(long seed) {
        this.seed = seed;
    }

    /** The picture at an index. */
    public Drawing picture(long index) {
        return new Drawing(World.fresh(index, voice("view", index), View::draw, View::key));
    }

    /** The caption of the picture at an index, worded by chance. */
    public Caption caption(long index) {
        Drawing picture = picture(index);
        return new Caption("caption-" + index, picture, Looking.caption(picture.view(), voice("caption", index)));
    }

    /** The first captions for contrastive training. */
    public Stream<Caption> captions(long count) {
        return LongStream.range(0, count).mapToObj(this::caption);
    }

    /**
     * One dialogue to train on. Of ten, four describe the picture, three ask about it, one reasons about it, and in two
     * it is shown for nothing.
     *
     * @param index from 0 to below {@link World#HELD_OUT}
     */
    public SeenPrompt document(long index) {
        Voice voice = voice("document", index);
        SeenTask task = switch (voice.number(0, 9)) {
            case 0, 1, 2, 3 -> SeenTask.SEEN_DESCRIBE;
            case 4, 5, 6 -> SeenTask.SEEN_QUESTION;
            case 7 -> SeenTask.SEEN_REASON;
            case 8 -> SeenTask.UNSEEN_QUESTION;
            default -> SeenTask.UNSEEN_REASON;
        };
        return prompt(task, index, voice);
    }

    /** The first dialogues to train on, none longer than about 150 words. */
    public Stream<SeenPrompt> documents(long count) {
        return LongStream.range(0, count).mapToObj(this::document);
    }

    /** The prompt of a task about the picture at an index. */
    public SeenPrompt prompt(SeenTask task, long index) {
        return prompt(task, index, voice(task.name(), index));
    }

    private SeenPrompt prompt(SeenTask task, long index, Voice voice) {
        Drawing picture = picture(index);
        return switch (task) {
            case SEEN_DESCRIBE -> describe(index, picture, voice);
            case SEEN_QUESTION -> question(index, picture, voice);
            case SEEN_REASON -> reason(index, picture, voice);
            case UNSEEN_QUESTION -> told(task, index, picture, World.prompt(Task.QUESTION, index, voice));
            case UNSEEN_REASON -> told(task, index, picture, World.prompt(Task.REASON, index, voice));
        };
    }

    private static SeenPrompt describe(long index, Drawing picture, Voice voice) {
        String ask = voice.say("see.describe"), answer = Looking.description(picture.view(), voice);
        return SeenPrompt.of(SeenTask.SEEN_DESCRIBE, index, picture, ask, answer, "");
    }

    private static SeenPrompt question(long index, Drawing picture, Voice voice) {
        Question question = Looking.question(picture.view(), voice);
        return SeenPrompt.of(SeenTask.SEEN_QUESTION, index, picture, question.ask(), question.answer(), "");
    }

    private static SeenPrompt reason(long index, Drawing picture, Voice voice) {
        Redrawn puzzle = Redrawn.draw(picture.view(), voice);
        String ask = puzzle.facts(voice) + "\n" + puzzle.question(voice) + " " + voice.say("think");
        return SeenPrompt.of(SeenTask.SEEN_REASON, index, picture, ask, puzzle.answer(voice), "");
    }

    private static SeenPrompt told(SeenTask task, long index, Drawing picture, Prompt told) {
        return SeenPrompt.of(task, index, picture, told.prompt(), told.answer(), told.key());
    }

    private Voice voice(String stream, long index) {
        return World.voice(Grammar.SIGHTS, seed, "sights " + stream, index);
    }
}
