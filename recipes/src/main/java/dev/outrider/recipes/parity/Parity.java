package dev.outrider.recipes.parity;

import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.decode.device.Device;
import dev.outrider.recipes.parity.ParityPack.Case;
import dev.outrider.recipes.parity.ParityPack.Expected;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Writes parity packs, and holds models against them. */
public final class Parity {
    /** Longest continuation kept. */
    static final int CONTINUATION = 48;

    private static final int TOP = 8;
    /** Nats: gains rounded to BF16 make about 0.05. */
    private static final double TOLERANCE = 0.2;

    private static final double CLEAR = 0.1;

    private Parity() {}

    /** A prompt as the models read it. */
    public record Prompt(String text, int[] ids) {}

    /**
     * Asks both models and writes parity.json and COMMANDS.md.
     *
     * @param expected block efficiencies that were measured; may be empty
     */
    public static void write(
            Path folder, Path target, Path draft, List<Prompt> prompts, List<Expected> expected, Device device) {
        List<Case> cases = new ArrayList<>();
        try (Probe talks = new Probe(target, device, room(prompts));
                Probe guesses = new Probe(draft, device, room(prompts))) {
            Tokenizer tokenizer = talks.checkpoint().requireTokenizer();
            for (Prompt p : prompts) cases.add(one(p, tokenizer, talks, guesses));
            ParityPack pack = new ParityPack(
                    target.toString(), draft.toString(), tokenizer.hash(), TOLERANCE, Probe.ROUNDING, cases, expected);
            AtomicFiles.directory(folder, into -> {
                pack.write(into.resolve(ParityPack.FILE));
                Files.writeString(into.resolve("COMMANDS.md"), commands(pack));
            });
        }
    }

    private static int room(List<Prompt> prompts) {
        return prompts.stream().mapToInt(p -> p.ids().length).max().orElse(0) + CONTINUATION + 1;
    }

    private static Case one(Prompt prompt, Tokenizer tokenizer, Probe target, Probe draft) {
        Probe.Answer answer = target.answer(prompt.ids(), CONTINUATION);
        float[] logits = draft.logits(prompt.ids());
        int[] top = Probe.top(logits, TOP);
        float[] values = new float[top.length];
        for (int i = 0; i < top.length; i++) values[i] = logits[top[i]];
        return new Case(
                prompt.text(),
                prompt.ids(),
                answer.tokens(),
                tokenizer.decode(answer.tokens()),
                answer.margins(),
                top,
                values,
                Probe.hash(logits));
    }

    private static String commands(ParityPack pack) throws IOException {
        try (InputStream in = Parity.class.getResourceAsStream("commands.md")) {
            StringBuilder rows = new StringBuilder();
            for (Expected e : pack.expected()) {
                rows.append(String.format(
                        Locale.ROOT,
                        "| %s | %d | %.3f | %.3f to %.3f |%n",
                        e.temperature() == 0 ? "greedy" : "T = " + e.temperature(),
                        e.gamma(),
                        e.tau(),
                        e.low(),
                        e.high()));
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .replace("{target}", pack.target())
                    .replace("{draft}", pack.draft())
                    .replace("{expected}", rows);
        }
    }

    /**
     * What became of a model.
     *
     * @param difference largest of the top logits, in nats, but for what is added to all of a case
     * @param hashes how many cases have the very same rounded logits
     */
    public record Logits(int cases, double difference, int hashes) {
        public boolean holds(ParityPack pack) {
            return difference <= pack.toleranceNats();
        }
    }

    /** A draft, in whatever format, against the pack's logits. */
    public static Logits logits(ParityPack pack, Path draft, Device device) {
        double worst = 0;
        int hashes = 0;
        try (Probe probe = new Probe(draft, device, room(pack))) {
            for (Case c : pack.cases()) {
                float[] logits = probe.logits(c.ids());
                if (Probe.hash(logits).equals(c.hash())) hashes++;
                worst = Math.max(worst, difference(c, logits));
            }
        }
        return new Logits(pack.cases().size(), worst, hashes);
    }

    // What is added to all logits alike no softmax sees, and no training holds in its place.
    private static double difference(Case c, float[] logits) {
        double[] added = new double[c.top().length];
        for (int i = 0; i < added.length; i++) {
            double found = c.top()[i] < logits.length ? logits[c.top()[i]] : Double.NEGATIVE_INFINITY;
            added[i] = found - c.logits()[i];
        }
        double alike = Arrays.stream(added).average().orElse(0);
        return Arrays.stream(added).map(x -> Math.abs(x - alike)).max().orElse(0);
    }

    /** Answers that are the pack's up to where its choices are no longer clear, and how many there are. */
    public record Answers(int cases, int same) {}

    /** A target, in whatever format, against the pack's continuations. */
    public static Answers answers(ParityPack pack, Path target, Device device) {
        int same = 0;
        try (Probe probe = new Probe(target, device, room(pack))) {
            for (Case c : pack.cases()) {
                int clear = 0;
                while (clear < c.continuation().length && c.margins()[clear] > CLEAR) clear++;
                int[] found = probe.answer(c.ids(), Math.max(1, clear)).tokens();
                if (Arrays.equals(c.continuation(), 0, clear, found, 0, Math.min(clear, found.length))) same++;
            }
        }
        return new Answers(pack.cases().size(), same);
    }

    private static int room(ParityPack pack) {
        if (pack.cases().isEmpty()) throw Failure.of(Failure.Kind.DATA, "a parity pack without prompts");
        return room(
                pack.cases().stream().map(c -> new Prompt(c.text(), c.ids())).toList());
    }
}
