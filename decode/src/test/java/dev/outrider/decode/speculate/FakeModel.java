package dev.outrider.decode.speculate;

import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.model.CausalModel;
import java.util.Arrays;
import java.util.Objects;
import java.util.Optional;
import java.util.random.RandomGenerator;

/**
 * A model whose logits are a function of everything it has read, so that one token too many or too few in
 * its cache shows at once. Keeps the contract of CausalModel strictly.
 */
final class FakeModel implements CausalModel {
    /** Next-token logits after the first {@code length} tokens of the context. */
    interface Logits {
        float[] after(int[] context, int length);
    }

    private final int vocabulary;
    private final Logits logits;
    private final DraftVocabulary outputs;
    private final int[] context;
    private int length;
    private int rows;

    FakeModel(int vocabulary, int capacity, Logits logits) {
        this(vocabulary, null, capacity, logits);
    }

    /** Reads all ids, has logits for some: those of the others are left out. */
    FakeModel(DraftVocabulary outputs, int capacity, Logits logits) {
        this(outputs.vocabulary(), outputs, capacity, logits);
    }

    private FakeModel(int vocabulary, DraftVocabulary outputs, int capacity, Logits logits) {
        this.vocabulary = vocabulary;
        this.outputs = outputs;
        this.logits = logits;
        context = new int[capacity];
    }

    /** Normal logits of this standard deviation, others after every context. */
    static Logits random(long seed, int vocabulary, double scale) {
        return (context, length) -> {
            RandomGenerator random = Seeds.generator(hash(seed, context, length));
            return Seeds.normal(random, vocabulary, scale);
        };
    }

    /** Other logits plus noise: a draft that is right more often the less noise there is. */
    static Logits noisy(Logits other, long seed, double scale) {
        return (context, length) -> {
            float[] logits = other.after(context, length);
            float[] noise = Seeds.normal(Seeds.generator(hash(seed, context, length)), logits.length, scale);
            for (int i = 0; i < logits.length; i++) logits[i] += noise[i];
            return logits;
        };
    }

    /** Logits rounded to whole numbers: many ties. */
    static Logits rounded(Logits other) {
        return (context, length) -> {
            float[] logits = other.after(context, length);
            for (int i = 0; i < logits.length; i++) logits[i] = Math.round(logits[i]);
            return logits;
        };
    }

    private static long hash(long seed, int[] context, int length) {
        long hash = seed * 0x9E3779B97F4A7C15L + length;
        for (int i = 0; i < length; i++) hash = (hash ^ context[i]) * 0xD6E8FEB86659FD93L + (hash >>> 31);
        return hash;
    }

    @Override
    public int vocabulary() {
        return vocabulary;
    }

    @Override
    public Optional<DraftVocabulary> outputs() {
        return Optional.ofNullable(outputs);
    }

    @Override
    public int capacity() {
        return context.length;
    }

    @Override
    public int length() {
        return length;
    }

    @Override
    public void truncate(int length) {
        Objects.checkIndex(length, this.length + 1);
        this.length = length;
        rows = 0;
    }

    @Override
    public void read(int[] tokens, int offset, int count, int rows) {
        if (count < 1 || rows < 0 || rows > count) throw new IllegalArgumentException(count + " tokens, " + rows);
        Objects.checkFromIndexSize(length, count, context.length);
        System.arraycopy(tokens, offset, context, length, count);
        length += count;
        this.rows = rows;
    }

    @Override
    public void logits(int row, float[] into) {
        Objects.checkIndex(row, rows);
        float[] row0 = logits.after(context, length - rows + row + 1);
        if (outputs == null) System.arraycopy(row0, 0, into, 0, vocabulary);
        else for (int i = 0; i < outputs.size(); i++) into[i] = row0[outputs.target(i)];
    }

    int[] tokens() {
        return Arrays.copyOf(context, length);
    }

    @Override
    public void close() {}
}
