package dev.outrider.decode.speculate;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.DiskFailures;
import dev.outrider.checkpoints.Failure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.IntConsumer;

/**
 * How often guesses are right, by drafter and by what speaks for them: counted where the drafters went along
 * answers of the target that they were not made from. A table's own shares come from the text that it was made
 * from and are far too high.
 *
 * <p>Rates are those of greedy guesses at recorded tokens. Under sampling they steer all the same: they decide about
 * speed, never about what is said.
 *
 * <p>Rates of rare evidence lean on those of alike evidence, and these on the drafter's own, as if so many guesses
 * with that rate had been seen ({@value #PRIOR}).
 *
 * <p>Of several drafters the last, the network, is also counted against the one of the others that would be believed
 * there: how often each is right where they differ, and how often where they agree. A table is far less often right
 * where a network that read more says another token than its evidence alone tells.
 *
 * <p>A calibration is stored as JSON beside the tables.
 */
public final class Calibration {
    private static final int VERSION = 1;
    private static final double PRIOR = 4;
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Where two drafters differ, and, of the last one, where they agree. */
    enum Against {
        DIFFERENT,
        SAME;

        String key() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private final Map<String, Rates> rates;
    private final Map<Against, Map<String, Rates>> against;
    private final Map<String, Double> weights;

    Calibration(Map<String, Rates> rates) {
        this(rates, Map.of(), Map.of());
    }

    Calibration(Map<String, Rates> rates, Map<Against, Map<String, Rates>> against, Map<String, Double> weights) {
        this.rates = rates;
        this.against = against;
        this.weights = weights;
    }

    /** Guesses by kind of evidence, and those that were right. */
    record Rates(int alike, long[] guesses, long[] right, double[] expected, double[] shares) {
        static Rates of(int alike, long[] guesses, long[] right) {
            double[] expected = new double[guesses.length];
            double[] shares = new double[guesses.length];
            long all = Arrays.stream(guesses).sum();
            double rate = (Arrays.stream(right).sum() + 1) / (all + 2.0);
            for (int from = 0; from < guesses.length; from += alike) {
                double seen = 0;
                double hits = 0;
                for (int i = from; i < from + alike; i++) {
                    seen += guesses[i];
                    hits += right[i];
                }
                double near = (hits + PRIOR * rate) / (seen + PRIOR);
                for (int i = from; i < from + alike; i++) {
                    expected[i] = (right[i] + PRIOR * near) / (guesses[i] + PRIOR);
                    shares[i] = all == 0 ? 1.0 / guesses.length : (double) guesses[i] / all;
                }
            }
            return new Rates(alike, guesses, right, expected, shares);
        }

        /** What the drafters say themselves, whatever it is worth. */
        static Rates raw(StepDrafter drafter) {
            int kinds = drafter.kinds();
            double[] expected = new double[kinds];
            double[] shares = new double[kinds];
            for (int i = 0; i < kinds; i++) {
                expected[i] = drafter.confidence(i);
                shares[i] = 1.0 / kinds;
            }
            return new Rates(drafter.alike(), new long[kinds], new long[kinds], expected, shares);
        }

        /**
         * What it is worth to ask for the evidence: E[max(0, reached · max(rate, floor) - price)], the evidence
         * coming as it does, floor being the rate of what there is to propose without it.
         */
        double worth(double reached, double floor, double price) {
            double sum = 0;
            for (int i = 0; i < expected.length; i++) {
                sum += shares[i] * Math.max(0, reached * Math.max(expected[i], floor) - price);
            }
            return sum;
        }
    }

    /** Lets every drafter guess at every token of the answers but the first, and counts. */
    public static Calibration of(List<? extends StepDrafter> drafters, Iterable<Recorded> heldOut) {
        Map<String, Rates> rates = new TreeMap<>();
        for (StepDrafter drafter : drafters) {
            Counts counts = new Counts(drafter);
            for (Recorded recorded : heldOut) follow(List.of(drafter), recorded, token -> counts.add(token));
            if (rates.put(drafter.name(), counts.rates()) != null) throw twice(drafter);
        }
        if (drafters.size() < 2) return new Calibration(rates);
        return new Calibration(rates, against(drafters, rates, heldOut), Map.of());
    }

    private static Map<Against, Map<String, Rates>> against(
            List<? extends StepDrafter> drafters, Map<String, Rates> rates, Iterable<Recorded> heldOut) {
        int last = drafters.size() - 1;
        List<Counts> different = drafters.stream().map(Counts::new).toList();
        Counts same = new Counts(drafters.get(last));
        for (Recorded recorded : heldOut) {
            follow(drafters, recorded, token -> {
                int believed = believed(drafters.subList(0, last), rates);
                if (believed < 0 || !drafters.get(last).ready()) return;
                if (drafters.get(believed).likeliest() == drafters.get(last).likeliest()) {
                    same.add(token);
                } else {
                    different.get(believed).add(token);
                    different.get(last).add(token);
                }
            });
        }
        Map<String, Rates> differing = new TreeMap<>();
        for (Counts counts : different) differing.put(counts.drafter.name(), counts.rates());
        return Map.of(
                Against.DIFFERENT,
                differing,
                Against.SAME,
                Map.of(drafters.get(last).name(), same.rates()));
    }

    /** The one that is right most often with the evidence that it has here; -1 if none is ready. */
    private static int believed(List<? extends StepDrafter> drafters, Map<String, Rates> rates) {
        int best = -1;
        double greatest = 0;
        for (int i = 0; i < drafters.size(); i++) {
            StepDrafter drafter = drafters.get(i);
            if (!drafter.ready()) continue;
            double rate = rates.get(drafter.name()).expected()[drafter.evidence()];
            if (rate > greatest) {
                greatest = rate;
                best = i;
            }
        }
        return best;
    }

    /** Guesses of one drafter, by kind of evidence. */
    private static final class Counts {
        private final StepDrafter drafter;
        private final long[] guesses;
        private final long[] right;

        Counts(StepDrafter drafter) {
            this.drafter = drafter;
            guesses = new long[drafter.kinds()];
            right = new long[drafter.kinds()];
        }

        /** @param token that came */
        void add(int token) {
            if (!drafter.ready()) return;
            int kind = drafter.evidence();
            guesses[kind]++;
            if (drafter.likeliest() == token) right[kind]++;
        }

        Rates rates() {
            return Rates.of(drafter.alike(), guesses, right);
        }
    }

    /** Takes drafters along an answer, and at each of its tokens but the first says which it is. */
    private static void follow(List<? extends StepDrafter> drafters, Recorded recorded, IntConsumer next) {
        int[] answer = recorded.answer();
        for (StepDrafter drafter : drafters) {
            drafter.begin(recorded.prompt());
            drafter.hear(0, answer[0]);
        }
        for (int i = 1; i < answer.length; i++) {
            next.accept(answer[i]);
            for (StepDrafter drafter : drafters) drafter.hear(0, answer[i]);
        }
    }

    /** The same, and how much drafters count in a mean of their laws: what gives the answers the highest probability. */
    public Calibration mixing(List<? extends StepDrafter> parts, Iterable<Recorded> heldOut) {
        double[] found = Mixed.weights(parts, heldOut);
        Map<String, Double> named = new TreeMap<>();
        for (int i = 0; i < found.length; i++) {
            if (named.put(parts.get(i).name(), found[i]) != null) throw twice(parts.get(i));
        }
        return new Calibration(rates, against, named);
    }

    /**
     * Of each of these in a mean of their laws.
     *
     * @throws Failure USAGE where others, or none, were weighed
     */
    public double[] weights(List<? extends StepDrafter> parts) {
        List<String> names = parts.stream().map(StepDrafter::name).toList();
        if (weights.keySet().equals(Set.copyOf(names))) {
            return names.stream().mapToDouble(weights::get).toArray();
        }
        throw Failure.usage(
                "calibration", "weights of " + weights.keySet(), "those of " + names, "Calibrate what is mixed.");
    }

    /** The names of those that were weighed for a mean. */
    public Set<String> mixed() {
        return weights.keySet();
    }

    private static Failure twice(StepDrafter drafter) {
        return Failure.usage("calibration", "two drafters named " + drafter.name(), "different names", "Rename one.");
    }

    /** None: drafters are believed as they are. */
    public static Calibration raw() {
        return new Calibration(Map.of());
    }

    /** @throws Failure USAGE where the drafter was not among those calibrated */
    Rates rates(StepDrafter drafter) {
        if (rates.isEmpty()) return Rates.raw(drafter);
        Rates found = rates.get(drafter.name());
        if (found == null) {
            throw Failure.usage(
                    "calibration",
                    "drafters " + rates.keySet(),
                    "one named " + drafter.name(),
                    "Calibrate the drafters that are combined, in this version.");
        }
        requireKinds(found, drafter);
        return found;
    }

    /**
     * What a drafter is worth where another differs from it, or agrees; empty where that was not counted.
     *
     * @throws Failure USAGE where it was counted otherwise
     */
    Optional<Rates> against(Against how, StepDrafter drafter) {
        Optional<Rates> found =
                Optional.ofNullable(against.getOrDefault(how, Map.of()).get(drafter.name()));
        found.ifPresent(r -> requireKinds(r, drafter));
        return found;
    }

    private static void requireKinds(Rates found, StepDrafter drafter) {
        if (found.guesses().length == drafter.kinds()) return;
        throw Failure.usage(
                "calibration",
                found.guesses().length + " kinds of evidence",
                drafter.kinds() + " of " + drafter.name(),
                "Calibrate the drafters that are combined, in this version.");
    }

    /** The names of those that were calibrated. */
    public Set<String> drafters() {
        return rates.keySet();
    }

    /** Share of right guesses among all of a drafter's. */
    public double rate(String drafter) {
        Rates found = rates.get(drafter);
        return (double) Arrays.stream(found.right()).sum()
                / Arrays.stream(found.guesses()).sum();
    }

    /**
     * Writes it, whole or not at all.
     *
     * @throws Failure MACHINE or USAGE where it cannot be written
     */
    public void write(Path file) {
        ObjectNode json = JSON.createObjectNode().put("version", VERSION);
        write(json.putObject("drafters"), rates);
        against.forEach((how, each) -> write(json.putObject(how.key()), each));
        if (!weights.isEmpty()) json.set("weights", JSON.valueToTree(weights));
        AtomicFiles.file(file, temporary -> JSON.writeValue(temporary.toFile(), json));
    }

    private static void write(ObjectNode drafters, Map<String, Rates> rates) {
        rates.forEach((name, each) -> {
            ObjectNode node = drafters.putObject(name).put("alike", each.alike());
            node.set("guesses", JSON.valueToTree(each.guesses()));
            node.set("right", JSON.valueToTree(each.right()));
        });
    }

    /** @throws Failure DATA where the file is absent, damaged or of a newer version */
    public static Calibration read(Path file) {
        try {
            JsonNode json = JSON.readTree(Files.readAllBytes(file));
            int version = json.path("version").asInt();
            if (version != VERSION) {
                String found = version > VERSION ? "version " + version + ", too new" : "no version of a calibration";
                throw Failure.data(file.toString(), found, "version " + VERSION, "Calibrate again.");
            }
            Map<Against, Map<String, Rates>> against = new EnumMap<>(Against.class);
            for (Against how : Against.values()) against.put(how, all(file, json.path(how.key())));
            Map<String, Double> weights = new TreeMap<>();
            json.path("weights").properties().forEach(e -> weights.put(e.getKey(), weight(file, e.getValue())));
            return new Calibration(all(file, json.path("drafters")), against, weights);
        } catch (JsonProcessingException e) {
            throw corrupt(file, e.getOriginalMessage());
        } catch (IOException e) {
            throw DiskFailures.reading(file, e);
        }
    }

    private static Map<String, Rates> all(Path file, JsonNode drafters) {
        Map<String, Rates> rates = new TreeMap<>();
        drafters.properties().forEach(e -> rates.put(e.getKey(), rates(file, e.getValue())));
        return rates;
    }

    private static Rates rates(Path file, JsonNode node) {
        long[] guesses = counts(node.path("guesses"));
        long[] right = counts(node.path("right"));
        int alike = node.path("alike").asInt();
        if (guesses.length == 0 || guesses.length != right.length || alike < 1 || guesses.length % alike != 0) {
            throw corrupt(file, guesses.length + " and " + right.length + " counts, " + alike + " alike");
        }
        return Rates.of(alike, guesses, right);
    }

    private static double weight(Path file, JsonNode value) {
        double weight = value.asDouble(-1);
        if (weight >= 0 && weight <= 1) return weight;
        throw corrupt(file, "the weight " + value);
    }

    private static long[] counts(JsonNode array) {
        long[] counts = new long[array.size()];
        for (int i = 0; i < counts.length; i++) counts[i] = array.get(i).asLong();
        return counts;
    }

    private static Failure corrupt(Path file, String found) {
        return Failure.data(file.toString(), found + "; corrupt", "a calibration of drafters", "Calibrate again.");
    }
}
