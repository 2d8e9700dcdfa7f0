package dev.outrider.decode.speculate;

import dev.outrider.decode.model.Picture;
import java.util.Arrays;
import java.util.List;

/**
 * Guesses by the weighted mean of several drafters' laws (linear interpolation, Jelinek and Mercer 1980; of a table
 * and neural models, Mikolov et al. 2011): where none is sure and they agree, it is. {@link Combined} lets one
 * of them speak instead, and asks no network where a table does as well.
 *
 * <p>Sampling settings act on the mean, as if its logarithms were a model's logits. The token is drawn from the law
 * that comes of it, so that it is lossless as any other.
 */
public final class Mixed extends StepDrafter {
    private static final int KINDS = 20;

    /** Of expectation maximisation. */
    private static final int ROUNDS = 50;

    private final StepDrafter[] parts;
    private final double[] weights;
    private final double[] mean;
    private final History history;
    private boolean beginning;

    /**
     * @param parts that know their laws: {@link NgramDraft} and {@link NeuralDraft}, for one vocabulary; closed with this
     * @param weights of each, 0 or more; 1 together
     */
    public Mixed(String name, List<StepDrafter> parts, double[] weights) {
        super(name, parts.getFirst().vocabulary());
        if (weights.length != parts.size()) {
            throw new IllegalArgumentException(weights.length + " weights of " + parts.size() + " drafters");
        }
        for (StepDrafter part : parts) {
            Combined.requireSame(part, parts.getFirst());
            lawful(part);
        }
        this.parts = parts.toArray(StepDrafter[]::new);
        this.weights = weights.clone();
        mean = new double[vocabulary()];
        history = new History(vocabulary());
    }

    static Lawful lawful(StepDrafter part) {
        if (part instanceof Lawful lawful) return lawful;
        throw new IllegalArgumentException(part.name() + " does not know its law");
    }

    @Override
    public long parameters() {
        long sum = 0;
        for (StepDrafter part : parts) sum += part.parameters();
        return sum;
    }

    @Override
    public void show(List<Picture> pictures) {
        for (StepDrafter part : parts) part.show(pictures);
    }

    @Override
    public void begin(int[] context) {
        for (StepDrafter part : parts) part.begin(context);
        history.clear();
        // Each part has read the context in its own way.
        beginning = true;
        super.begin(context);
        beginning = false;
    }

    @Override
    boolean ready() {
        for (StepDrafter part : parts) if (!part.ready()) return false;
        return true;
    }

    @Override
    int kinds() {
        return KINDS;
    }

    @Override
    int alike() {
        return KINDS;
    }

    /** The greatest probability of the mean, in so many steps. */
    @Override
    int evidence() {
        average();
        return Math.min(KINDS - 1, (int) (KINDS * mean[greatest()]));
    }

    @Override
    double confidence(int kind) {
        return (kind + 0.5) / KINDS;
    }

    @Override
    int guess(Sampling sampling, Chance chance) {
        average();
        boolean penalised = sampling.repetitionPenalty() != 1;
        if (sampling.greedy() && !penalised) return greatest();
        for (int i = 0; i < mean.length; i++) mean[i] = Math.log(mean[i]);
        if (!sampling.greedy()) return chance.draw(law().from(mean, sampling, history));
        history.penalise(mean, sampling.repetitionPenalty());
        return greatest();
    }

    private void average() {
        Arrays.fill(mean, 0);
        for (int i = 0; i < parts.length; i++) lawful(parts[i]).addLaw(mean, weights[i]);
    }

    /** The lowest id among equals. */
    private int greatest() {
        int best = 0;
        for (int i = 1; i < mean.length; i++) if (mean[i] > mean[best]) best = i;
        return best;
    }

    @Override
    void pushed(int token) {
        if (!Picture.isPlaceholder(token)) history.push(token);
        if (!beginning) for (StepDrafter part : parts) part.push(token);
    }

    @Override
    void popped(int token) {
        if (!Picture.isPlaceholder(token)) history.pop(token);
        for (StepDrafter part : parts) part.pop();
    }

    @Override
    public void close() {
        for (StepDrafter part : parts) part.close();
    }

    /**
     * The weights under which the mean gives held-out answers the highest probability (expectation maximisation,
     * from equal ones). Tokens that no part thinks possible do not count.
     *
     * @return by part; 1 together
     */
    static double[] weights(List<? extends StepDrafter> parts, Iterable<Recorded> heldOut) {
        Held held = new Held(parts);
        for (Recorded recorded : heldOut) held.follow(recorded);
        double[] weights = new double[parts.size()];
        Arrays.fill(weights, 1.0 / weights.length);
        for (int round = 0; round < ROUNDS; round++) weights = held.better(weights);
        return weights;
    }

    /** What the parts thought of tokens that came. */
    private static final class Held {
        private final List<? extends StepDrafter> parts;
        private final double[] law;
        /** By token, what each part gave it: one after the other. */
        private double[] chances = new double[1024];

        private int count;

        Held(List<? extends StepDrafter> parts) {
            this.parts = parts;
            law = new double[parts.getFirst().vocabulary()];
        }

        void follow(Recorded recorded) {
            int[] answer = recorded.answer();
            for (StepDrafter part : parts) {
                part.begin(recorded.prompt());
                part.hear(0, answer[0]);
            }
            for (int i = 1; i < answer.length; i++) {
                if (parts.stream().allMatch(StepDrafter::ready)) add(answer[i]);
                for (StepDrafter part : parts) part.hear(0, answer[i]);
            }
        }

        private void add(int token) {
            if (count + parts.size() > chances.length) chances = Arrays.copyOf(chances, 2 * chances.length);
            for (StepDrafter part : parts) {
                Arrays.fill(law, 0);
                lawful(part).addLaw(law, 1);
                chances[count++] = law[token];
            }
        }

        /** One round: each part's share in what the mean gave. */
        double[] better(double[] weights) {
            int n = weights.length;
            double[] shares = new double[n];
            double counted = 0;
            for (int at = 0; at < count; at += n) {
                double sum = 0;
                for (int i = 0; i < n; i++) sum += weights[i] * chances[at + i];
                if (sum == 0) continue;
                counted++;
                for (int i = 0; i < n; i++) shares[i] += weights[i] * chances[at + i] / sum;
            }
            if (counted == 0) return weights;
            for (int i = 0; i < n; i++) shares[i] /= counted;
            return shares;
        }
    }
}
