package dev.outrider.recipes.verb;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.ChatTemplate;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.answers.RecordedAnswers;
import dev.outrider.data.answers.RecordedTexts;
import dev.outrider.data.answers.RecordedTexts.Decoding;
import dev.outrider.data.conversation.ConversationFiles;
import dev.outrider.data.shard.ShardManifest;
import dev.outrider.data.shard.Shards;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.Devices;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.LlamaWeights;
import dev.outrider.decode.ngram.NgramTable;
import dev.outrider.decode.speculate.Calibration;
import dev.outrider.decode.speculate.Combined;
import dev.outrider.decode.speculate.Combined.Candidate;
import dev.outrider.decode.speculate.Compatibility;
import dev.outrider.decode.speculate.Costs;
import dev.outrider.decode.speculate.Decoder;
import dev.outrider.decode.speculate.Drafter;
import dev.outrider.decode.speculate.Mixed;
import dev.outrider.decode.speculate.NeuralDraft;
import dev.outrider.decode.speculate.NgramDraft;
import dev.outrider.decode.speculate.PromptLookup;
import dev.outrider.decode.speculate.ReadAhead;
import dev.outrider.decode.speculate.Recorded;
import dev.outrider.decode.speculate.Replay;
import dev.outrider.decode.speculate.StepDrafter;
import dev.outrider.decode.speculate.Tally;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
        name = "replay",
        mixinStandardHelpOptions = true,
        description = "Judges drafts by answers that a target gave before, without the target. Exact where it answered"
                + " greedily: every pass is the one that it would have made. Of answers that were sampled, or of which"
                + " nobody says how, it gives an estimate with a name of its own.",
        footer = {
            "",
            "Example:  ./outrider replay --draft runs/llava-captions/export/draft-aligned --template vicuna_v1"
                    + " --answers held-out.jsonl --gamma 1,3,5,7 --target-parameters 7.06e9"
        })
public final class ReplayVerb implements Callable<Integer> {
    private static final String ESTIMATE = "match estimate: how often the draft's likeliest token is the recorded one,"
            + " turned into passes. No block efficiency: under sampling a draft is accepted by laws, which were not recorded.";

    @Option(
            names = "--draft",
            required = true,
            description = "A draft's Hugging Face directory or GGUF; may be given several times.")
    List<Path> drafts;

    @Option(
            names = "--answers",
            required = true,
            description =
                    "Conversations (.json, .jsonl, .gz; a row's \"decoding\" says how they were made), or a folder"
                            + " of answers that generate wrote, or one of shards, such as alignment/test of a run.")
    Path answers;

    @Option(names = "--gamma", split = ",", description = "Tokens drafted in a round (default: 1,3,5,7).")
    List<Integer> gammas = List.of(1, 3, 5, 7);

    @Option(names = "--template", description = "A chat template by name. Default: the first draft's own.")
    String template;

    @Option(names = "--greedy", description = "Takes rows that do not say how they were made for greedy ones.")
    boolean greedy;

    @Option(names = "--target-parameters", description = "Parameters of the target, such as 7.06e9, for MBSU.")
    Double parameters;

    @Option(names = "--max-tokens", description = "The limit of the recorded answers (default: ${DEFAULT-VALUE}).")
    int maxTokens = 1024;

    @Option(names = "--limit", description = "Only so many answers of each kind, the first ones.")
    int limit = Integer.MAX_VALUE;

    @Option(names = "--lookup", description = "Replays prompt look-up too.")
    boolean lookup;

    @Option(names = "--table", description = "Replays an n-gram table too.")
    Path table;

    @Option(
            names = "--calibration",
            description =
                    "Replays look-up, the table by every order and the first draft combined, too: each guesses where"
                            + " this file, the calibration.json of a run, says that it is right most often; and the mean of"
                            + " their laws, where that was weighed. Needs --table.")
    Path calibration;

    @Option(names = "--device", description = Devices.NAMES + " (default: ${DEFAULT-VALUE}).")
    String on = "cpu";

    @Override
    public Integer call() {
        gammas.forEach(Decoder::requireGamma);
        if (calibration != null && table == null) {
            throw Failure.usage("--calibration", "no --table", "the table that was calibrated with", "Name it.");
        }
        Tokenizer tokenizer = tokenizer();
        List<RecordedTexts> kinds = kinds(tokenizer);
        System.out.println(Tally.BLOCK_EFFICIENCY);
        try (Device device = Devices.open(on, 0)) {
            for (RecordedTexts kind : kinds) header(kind);
            System.out.println("| drafter | answers | γ | τ [95 %] | MBSU | conditional acceptance |");
            System.out.println("|---|---|---|---|---|---|");
            if (lookup) replay(new PromptLookup(tokenizer.size()), List.of(), kinds, Set.of(tokenizer.eosId()));
            if (table != null) {
                try (NgramTable opened = NgramTable.open(table)) {
                    replay(new NgramDraft(opened), List.of(), kinds, Set.of(tokenizer.eosId()));
                }
            }
            for (Path draft : drafts) {
                List<ReadAhead> ahead = new ArrayList<>();
                try (Draft opened = Draft.open(device, draft, tokenizer, drafts.getFirst());
                        NeuralDraft drafter = opened.drafter(draft.getFileName().toString(), ahead)) {
                    replay(drafter, ahead, kinds, opened.ends());
                }
            }
            if (calibration != null) {
                Calibration calibrated = Calibration.read(calibration);
                combined(device, tokenizer, kinds, calibrated);
                if (!calibrated.mixed().isEmpty()) mixed(device, tokenizer, kinds, calibrated);
            }
        }
        return 0;
    }

    private Tokenizer tokenizer() {
        try (Checkpoint first = Checkpoint.open(drafts.getFirst())) {
            return first.requireTokenizer();
        }
    }

    private List<RecordedTexts> kinds(Tokenizer tokenizer) {
        List<RecordedTexts> kinds = new ArrayList<>();
        if (Files.isDirectory(answers) && Files.exists(answers.resolve("plan.json"))) {
            kinds.add(new RecordedTexts(RecordedAnswers.greedy(answers), Decoding.GREEDY));
        } else if (Files.exists(answers.resolve(ShardManifest.NAME))) {
            kinds.add(shards(tokenizer));
        } else {
            ChatTemplate written = ChatTemplate.require(drafts.getFirst(), Optional.ofNullable(template));
            kinds.addAll(RecordedTexts.of(ConversationFiles.of(answers), written, tokenizer));
        }
        if (kinds.stream().anyMatch(kind -> !kind.answers().isEmpty())) return kinds;
        throw Failure.data(answers.toString(), "no answers", "recorded answers", "Give another file.");
    }

    private RecordedTexts shards(Tokenizer tokenizer) {
        try (Shards shards = Shards.open(answers)) {
            String decoding = shards.manifest().facts().getOrDefault("decoding", "");
            if (shards.manifest().tokenizerHash().equals(tokenizer.hash())) {
                return new RecordedTexts(RecordedAnswers.of(shards), Decoding.of(decoding));
            }
        }
        throw Failure.data(
                answers.toString(), "tokens of another tokenizer", "those of the draft's", "Give its own answers.");
    }

    private void header(RecordedTexts kind) {
        long tokens = kind.answers().stream()
                .limit(limit)
                .mapToLong(r -> r.answer().length)
                .sum();
        System.out.printf(
                "%s: %,d answers, %,d tokens%s%n",
                name(kind),
                Math.min(limit, kind.answers().size()),
                tokens,
                exact(kind) ? "; the replay is exact" : "; " + ESTIMATE);
    }

    private boolean exact(RecordedTexts kind) {
        return kind.decoding() == Decoding.GREEDY || greedy && kind.decoding() == Decoding.UNKNOWN;
    }

    private static String name(RecordedTexts kind) {
        return kind.decoding().name().toLowerCase(Locale.ROOT);
    }

    /** A draft opened to be replayed; its readers are closed before it. */
    private record Draft(Checkpoint files, LlamaWeights weights, Device device) implements AutoCloseable {
        static Draft open(Device device, Path path, Tokenizer tokenizer, Path first) {
            Checkpoint files = Checkpoint.open(path);
            try {
                Compatibility.require(path.toString(), files.requireTokenizer(), first.toString(), tokenizer);
                return new Draft(files, LlamaWeights.load(device, files), device);
            } catch (RuntimeException e) {
                files.close();
                throw e;
            }
        }

        NeuralDraft drafter(String name, List<ReadAhead> ahead) {
            int room = Math.min(4096, files.config().maxPositions());
            ReadAhead model = new ReadAhead(new Llama(device, weights, room));
            ahead.add(model);
            return new NeuralDraft(name, model, files.config().parameters());
        }

        Set<Integer> ends() {
            return Set.copyOf(files.config().eosIds());
        }

        @Override
        public void close() {
            weights.close();
            files.close();
        }
    }

    /** The mean of the table's law and those of the drafts that were weighed with it. */
    private void mixed(Device device, Tokenizer tokenizer, List<RecordedTexts> kinds, Calibration calibrated) {
        Deque<Draft> opened = new ArrayDeque<>();
        List<ReadAhead> ahead = new ArrayList<>();
        try (NgramTable counted = NgramTable.open(table)) {
            List<StepDrafter> parts = new ArrayList<>(List.of(new NgramDraft(counted)));
            for (String name : calibrated.mixed()) {
                if (name.equals(parts.getFirst().name())) continue;
                opened.push(Draft.open(device, named(name), tokenizer, drafts.getFirst()));
                parts.add(opened.element().drafter(name, ahead));
            }
            try (Mixed mixed = new Mixed("mixed", parts, calibrated.weights(parts))) {
                replay(mixed, ahead, kinds, opened.element().ends());
            }
        } finally {
            opened.forEach(Draft::close);
        }
    }

    /** The draft that a run calls so: of the given ones that of the name, as it is or as exports have it, or the only one. */
    private Path named(String name) {
        if (drafts.size() == 1) return drafts.getFirst();
        return drafts.stream()
                .filter(d ->
                        List.of(name, "draft-" + name).contains(d.getFileName().toString()))
                .findFirst()
                .orElseThrow(() -> Failure.usage(
                        "--draft", drafts.toString(), "draft-" + name + " among them, which was weighed", "Name it."));
    }

    private void combined(Device device, Tokenizer tokenizer, List<RecordedTexts> kinds, Calibration calibrated) {
        List<ReadAhead> ahead = new ArrayList<>();
        try (NgramTable opened = NgramTable.open(table);
                Draft draft = Draft.open(device, drafts.getFirst(), tokenizer, drafts.getFirst())) {
            List<StepDrafter> all = new ArrayList<>(NgramDraft.byOrder("", opened));
            all.addFirst(new PromptLookup(tokenizer.size()));
            all.add(draft.drafter(other(calibrated, all), ahead));
            List<Candidate> candidates =
                    all.stream().map(d -> new Candidate(d, 0)).toList();
            try (Combined combined = new Combined("combined", candidates, calibrated, Costs.FLAT)) {
                replay(combined, ahead, kinds, draft.ends());
            }
        }
    }

    /** The name under which the draft was calibrated: the one that is none of these. */
    private String other(Calibration calibrated, List<StepDrafter> tables) {
        List<String> names = new ArrayList<>(calibrated.drafters());
        tables.forEach(t -> names.remove(t.name()));
        if (names.size() == 1) return names.getFirst();
        throw Failure.data(
                calibration.toString(),
                "drafters " + calibrated.drafters(),
                "look-up, the table by every order, and one draft",
                "Give the calibration of a run without tables.text.");
    }

    private void replay(Drafter drafter, List<ReadAhead> ahead, List<RecordedTexts> kinds, Set<Integer> ends) {
        for (RecordedTexts kind : kinds) {
            List<Recorded> some = kind.answers().stream().limit(limit).toList();
            List<Replay> replays =
                    gammas.stream().map(g -> new Replay(g, ends, maxTokens)).toList();
            List<Tally> tallies = Replay.tallies(replays, drafter, ReadAhead.of(ahead, some));
            for (int i = 0; i < replays.size(); i++) row(drafter, kind, gammas.get(i), tallies.get(i));
        }
    }

    private void row(Drafter drafter, RecordedTexts kind, int gamma, Tally tally) {
        Tally.Interval interval = tally.interval(1);
        StringBuilder conditional = new StringBuilder();
        for (int position = 1; position <= tally.acceptance().positions(); position++) {
            double rate = tally.acceptance().conditional(position);
            conditional.append(Double.isNaN(rate) ? "- " : String.format(Locale.ROOT, "%.2f ", rate));
        }
        System.out.printf(
                Locale.ROOT,
                "| %s | %s | %d | %s%.3f [%.2f, %.2f] | %s | %s|%n",
                drafter.name(),
                name(kind),
                gamma,
                exact(kind) ? "" : "match estimate ",
                tally.blockEfficiency(),
                interval.low(),
                interval.high(),
                parameters == null || !exact(kind)
                        ? "-"
                        : String.format(
                                Locale.ROOT,
                                "%.3f",
                                tally.memoryBoundSpeedup(drafter.parameters() / parameters, gamma)),
                conditional);
    }
}
