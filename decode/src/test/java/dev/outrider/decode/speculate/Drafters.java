package dev.outrider.decode.speculate;

import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.decode.ngram.NgramTable;
import dev.outrider.decode.speculate.Calibration.Against;
import dev.outrider.decode.speculate.Combined.Candidate;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** Drafters good, bad and hostile; none may change what the target says. */
final class Drafters {
    private Drafters() {}

    static Map<String, Drafter> all(FakeModel.Logits target, int vocabulary, int capacity, RandomGenerator random) {
        List<int[]> texts = List.of(random.ints(40, 0, vocabulary).toArray());
        NgramTable table = NgramTable.of(vocabulary, 4, texts);
        Map<String, Drafter> all = new LinkedHashMap<>();
        all.put("near", neural(vocabulary, capacity, FakeModel.noisy(target, random.nextLong(), 0.7)));
        all.put("unrelated", neural(vocabulary, capacity, FakeModel.random(random.nextLong(), vocabulary, 1.5)));
        all.put("q = p", neural(vocabulary, capacity, target));
        all.put("short cache", neural(vocabulary, capacity / 4, target));
        all.put("pruned", pruned(vocabulary, capacity, FakeModel.noisy(target, random.nextLong(), 0.7)));
        all.put("bigram drawn", new NgramDraft(table, 2, 1, NgramDraft.Choice.DRAWN));
        all.put("bigram likeliest", new NgramDraft(table, 2, 1, NgramDraft.Choice.LIKELIEST));
        all.put("4-gram drawn", new NgramDraft(table));
        all.put("lookup", new PromptLookup(vocabulary));
        all.put(
                "combined",
                hostile(
                        List.of(
                                new PromptLookup(vocabulary),
                                new NgramDraft(table),
                                neural(vocabulary, capacity, target)),
                        random));
        all.put(
                "combined pruned",
                hostile(
                        List.of(
                                pruned(vocabulary, capacity, target),
                                new NgramDraft(table, 2, 1, NgramDraft.Choice.LIKELIEST)),
                        random));
        NeuralDraft unsure = neural(vocabulary, capacity, FakeModel.noisy(target, random.nextLong(), 0.7));
        all.put(
                "adaptive",
                new Combined("adaptive", List.of(new Candidate(unsure, 0.05)), Calibration.raw(), new Costs(1, 1.5)));
        all.put("mixed", mixed(table, neural(vocabulary, capacity, FakeModel.noisy(target, random.nextLong(), 0.7))));
        all.put("mixed pruned", mixed(table, pruned(vocabulary, capacity / 4, target)));
        all.put(
                "combined mixed",
                hostile(List.of(mixed(table, neural(vocabulary, capacity, target)), new NgramDraft(table)), random));
        all.put("uniform", RuleDraft.uniform(vocabulary));
        all.put("always wrong", RuleDraft.wrong(vocabulary, target));
        return all;
    }

    /** Chooses and stops by evidence, but without sense. */
    static Combined hostile(List<StepDrafter> drafters, RandomGenerator random) {
        Map<Against, Map<String, Calibration.Rates>> against = new EnumMap<>(Against.class);
        for (Against how : Against.values()) if (random.nextBoolean()) against.put(how, senseless(drafters, random));
        List<Candidate> candidates = drafters.stream()
                .map(drafter -> new Candidate(drafter, 0.1 * random.nextInt(3)))
                .toList();
        Calibration calibration = new Calibration(senseless(drafters, random), against, Map.of());
        return new Combined("combined", candidates, calibration, new Costs(1, 1.2, 1.3));
    }

    private static Map<String, Calibration.Rates> senseless(List<StepDrafter> drafters, RandomGenerator random) {
        Map<String, Calibration.Rates> rates = new LinkedHashMap<>();
        for (StepDrafter drafter : drafters) {
            long[] guesses = random.longs(drafter.kinds(), 0, 100).toArray();
            long[] right =
                    LongStream.of(guesses).map(n -> random.nextLong(n + 1)).toArray();
            rates.put(drafter.name(), Calibration.Rates.of(drafter.alike(), guesses, right));
        }
        return rates;
    }

    static Mixed mixed(NgramTable table, NeuralDraft draft) {
        return new Mixed("mixed", List.of(new NgramDraft(table), draft), new double[] {0.4, 0.6});
    }

    static NeuralDraft neural(int vocabulary, int capacity, FakeModel.Logits logits) {
        return new NeuralDraft(new FakeModel(vocabulary, capacity, logits), 10);
    }

    /** Can say every id but each third, from the last to the first. */
    static NeuralDraft pruned(int vocabulary, int capacity, FakeModel.Logits logits) {
        int[] said = IntStream.range(0, vocabulary)
                .map(i -> vocabulary - 1 - i)
                .filter(id -> id % 3 != 1)
                .toArray();
        return new NeuralDraft(new FakeModel(new DraftVocabulary(vocabulary, said), capacity, logits), 10);
    }

    static int[] prompt(RandomGenerator random, int length, int vocabulary) {
        return random.ints(length, 0, vocabulary).toArray();
    }

    /** Logits that fall slowly from id to id. */
    static float[] row(int vocabulary) {
        float[] row = new float[vocabulary];
        for (int i = 0; i < vocabulary; i++) row[i] = -0.01f * i;
        return row;
    }
}
