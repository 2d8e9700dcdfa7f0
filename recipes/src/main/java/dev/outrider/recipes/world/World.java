package dev.outrider.recipes.world;

import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * A small world to talk about, made from a seed: places with things and people, stories, questions,
 * reasoning. Text of which much is predictable by anybody (phrases, completions), some only by looking back
 * (facts of the scene), and some only by computing (sums, orders): so a larger model predicts it better
 * than a small one, which is yet right most of the time.
 *
 * <p>What lies at an index depends on seed and index only. Indices from {@link #HELD_OUT} on are for
 * evaluation: an eighth of all imaginable facts is reserved for them, by hash, and never occurs below.
 */
public final class World {
    /** The first index of held-out prompts. */
    public static final long HELD_OUT = 1L << 40;

    private static final int RESERVED = 8;

    private final long seed;

    public World(long seed) {
        this.seed = seed;
    }

    /** The first documents for pre-training: plain text and dialogues, none longer than about 150 words. */
    public Stream<String> documents(long count) {
        return LongStream.range(0, count).mapToObj(this::document);
    }

    /**
     * One document. Of ten, six are dialogues, two of each task; the others tell of a scene or a story.
     *
     * @param index from 0 to below {@link #HELD_OUT}
     */
    public String document(long index) {
        Voice voice = voice("document", index);
        int kind = voice.number(0, 9);
        if (kind < 6) return prompt(Task.values()[kind / 2], index, voice).text();
        return switch (kind) {
            case 6, 7 -> {
                Scene scene = fresh(index, voice, Scene::draw, Scene::key);
                yield Description.of(scene, voice);
            }
            case 8 -> fresh(index, voice, Moves::draw, Moves::key).story(voice);
            default -> fresh(index, voice, Ranking::draw, Ranking::key).story(voice);
        };
    }

    /**
     * The prompt of a task at an index; from {@link #HELD_OUT} on about facts that no document and no prompt
     * below tells of.
     */
    public Prompt prompt(Task task, long index) {
        return prompt(task, index, voice(task.name(), index));
    }

    static Prompt prompt(Task task, long index, Voice voice) {
        return switch (task) {
            case DESCRIBE -> describe(index, voice);
            case QUESTION -> question(index, voice);
            case REASON -> reason(index, voice);
        };
    }

    private static Prompt describe(long index, Voice voice) {
        Scene scene = fresh(index, voice, Scene::draw, Scene::key);
        String prompt = scene.facts() + "\n" + voice.say("describe.ask");
        return Prompt.of(Task.DESCRIBE, index, prompt, Description.of(scene, voice), scene.key());
    }

    private static Prompt question(long index, Voice voice) {
        Scene scene = fresh(index, voice, Scene::draw, Scene::key);
        Question question = Question.draw(scene, voice);
        return Prompt.of(Task.QUESTION, index, scene.facts() + "\n" + question.ask(), question.answer(), scene.key());
    }

    private static Prompt reason(long index, Voice voice) {
        Puzzle puzzle = fresh(index, voice, Puzzle::draw, Puzzle::key);
        String prompt = puzzle.facts(voice) + "\n" + puzzle.question(voice) + " " + voice.say("think");
        return Prompt.of(Task.REASON, index, prompt, puzzle.answer(voice), puzzle.key());
    }

    /** Draws until the facts are on the side of the index. */
    static <T> T fresh(long index, Voice voice, Function<Voice, T> draw, Function<T, String> key) {
        boolean heldOut = index >= HELD_OUT;
        while (true) {
            T drawn = draw.apply(voice);
            if (reserved(key.apply(drawn)) == heldOut) return drawn;
        }
    }

    private static boolean reserved(String key) {
        return Long.remainderUnsigned(mix(0, key), RESERVED) == 0;
    }

    private Voice voice(String stream, long index) {
        return voice(Grammar.WORLD, seed, stream, index);
    }

    static Voice voice(Grammar grammar, long seed, String stream, long index) {
        return new Voice(grammar, new SplittableRandom(scramble(mix(seed, stream) + index)));
    }

    // String.hashCode is 32 bits wide: too narrow to keep streams apart.
    private static long mix(long start, String text) {
        long hash = start ^ 0xcbf29ce484222325L;
        for (int i = 0; i < text.length(); i++) hash = (hash ^ text.charAt(i)) * 0x100000001b3L;
        return scramble(hash);
    }

    // The finaliser of SplitMix64.
    private static long scramble(long z) {
        z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return z ^ z >>> 31;
    }
}
