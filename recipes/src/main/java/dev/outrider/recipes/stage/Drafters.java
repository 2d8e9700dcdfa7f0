package dev.outrider.recipes.stage;

import dev.outrider.decode.device.Device;
import dev.outrider.decode.model.CausalModel;
import dev.outrider.decode.model.KeptPrompt;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.ngram.NgramTable;
import dev.outrider.decode.speculate.Calibration;
import dev.outrider.decode.speculate.Combined;
import dev.outrider.decode.speculate.Combined.Candidate;
import dev.outrider.decode.speculate.Compatibility;
import dev.outrider.decode.speculate.Costs;
import dev.outrider.decode.speculate.Drafter;
import dev.outrider.decode.speculate.Mixed;
import dev.outrider.decode.speculate.NeuralDraft;
import dev.outrider.decode.speculate.NgramDraft;
import dev.outrider.decode.speculate.PromptLookup;
import dev.outrider.decode.speculate.ReadAhead;
import dev.outrider.decode.speculate.Recorded;
import dev.outrider.decode.speculate.Sampling;
import dev.outrider.decode.speculate.StepDrafter;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Recipe.Evaluate;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.report.Evaluation.Model;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Drafters by the names that recipes give them; opened once each, closed together. */
final class Drafters implements AutoCloseable {
    static final String LOOKUP = "lookup", BIGRAM = "bigram", NGRAM = "ngram", TABLES = "tables", COMBINED = "combined";
    static final String MIXED = "mixed";
    private static final int TIMES = 25, WARM = 8, CONTEXT = 128;

    /** What costs are measured in. */
    static final int LEAST_CAPACITY = 2 * CONTEXT;

    private final Run run;
    private final Device device;
    private final Optional<Opened> target;
    private final Models.Language language;
    private final int capacity;
    private final Deque<AutoCloseable> closing = new ArrayDeque<>();
    private final Map<String, Opened> models = new HashMap<>();
    /** Of drafts, where there is no target: its answers are known. */
    private final List<ReadAhead> ahead = new ArrayList<>();

    private NgramTable table, textTable;

    /**
     * @param target what costs are measured against; without one its passes cost the same however many rows they have,
     *     and guesses nothing, and drafts are asked about {@link #ahead} alone
     * @param capacity most tokens of a text
     */
    Drafters(Run run, Device device, Optional<Opened> target, int capacity) {
        this.run = run;
        this.device = device;
        this.target = target;
        this.language = Models.language(run);
        this.capacity = capacity;
    }

    /** Those that a recipe measures, in its order. */
    static List<String> measured(Recipe recipe) {
        List<String> named = recipe.evaluate().drafters();
        if (!named.isEmpty()) return named;
        return Stream.of(List.of(BIGRAM), Models.drafts(recipe))
                .flatMap(List::stream)
                .toList();
    }

    /** Whether one of them reads the n-gram table. */
    static boolean needTable(Recipe recipe) {
        return measured(recipe).stream().anyMatch(name -> Evaluate.NO_NETWORK.contains(name) && !name.equals(LOOKUP));
    }

    static boolean needCalibration(Recipe recipe) {
        return measured(recipe).stream().anyMatch(List.of(TABLES, COMBINED, MIXED)::contains);
    }

    /** The draft that is combined with look-up and table. */
    static String combined(Recipe recipe) {
        Evaluate evaluate = recipe.evaluate();
        return evaluate.combine().orElse(recipe.distill().name());
    }

    /** The drafts that are mixed with the table; none where nothing is. */
    static List<String> mixed(Recipe recipe) {
        if (!measured(recipe).contains(MIXED)) return List.of();
        List<String> named = recipe.evaluate().mix();
        return named.isEmpty() ? List.of(combined(recipe)) : named;
    }

    Drafter drafter(String name) {
        return switch (name) {
            case TABLES -> combination(name, free());
            case COMBINED -> combination(name, candidates());
            default -> step(name);
        };
    }

    private StepDrafter step(String name) {
        return switch (name) {
            case LOOKUP -> new PromptLookup(language.rows());
            case BIGRAM -> order(2);
            case "1-gram", "3-gram", "4-gram", "5-gram" -> order(name.charAt(0) - '0');
            case NGRAM -> new NgramDraft(table());
            case MIXED -> mixture();
            default -> neural(name);
        };
    }

    private NgramDraft order(int order) {
        return new NgramDraft(table(), order, 1, NgramDraft.Choice.DRAWN);
    }

    private NgramTable table() {
        if (table == null) table = table(TableStage.table(run));
        return table;
    }

    private NgramTable textTable() {
        if (textTable == null) textTable = table(TableStage.textTable(run));
        return textTable;
    }

    private NgramTable table(Path file) {
        NgramTable opened = NgramTable.open(file);
        closing.push(opened);
        return opened;
    }

    private NeuralDraft neural(String name) {
        Opened model = model(name);
        return new NeuralDraft(name, prepared(closed(model.another(device, capacity))), model.parameters());
    }

    private CausalModel prepared(CausalModel model) {
        if (target.isPresent()) return new KeptPrompt(model);
        ahead.add(new ReadAhead(model));
        return ahead.getLast();
    }

    /** The same answers, which drafts read ahead of being asked. */
    Iterable<Recorded> ahead(List<Recorded> answers) {
        return ReadAhead.of(ahead, answers);
    }

    private CausalModel closed(CausalModel model) {
        closing.push(model);
        return model;
    }

    private Opened model(String name) {
        return models.computeIfAbsent(name, n -> {
            Opened opened = Opened.of(
                    path(n),
                    device,
                    1,
                    target.flatMap(Opened::sight),
                    run.recipe().evaluate().weights());
            closing.push(opened);
            Compatibility.require(
                    opened.checkpoint().path().toString(),
                    opened.checkpoint().requireTokenizer(),
                    "the target",
                    language.tokenizer());
            return opened;
        });
    }

    private Path path(String name) {
        String elsewhere = run.recipe().evaluate().drafts().get(name);
        return elsewhere != null ? Path.of(elsewhere) : Models.exported(run, name);
    }

    /** Look-up, and the tables by every order: which is to be believed depends on the place. */
    private List<StepDrafter> free() {
        List<StepDrafter> free = new ArrayList<>(List.of(step(LOOKUP)));
        free.addAll(NgramDraft.byOrder("", table()));
        if (run.recipe().tables().text()) free.addAll(NgramDraft.byOrder("text ", textTable()));
        return free;
    }

    /** Those that the combination chooses from: the free ones and the draft. */
    List<StepDrafter> candidates() {
        List<StepDrafter> all = free();
        all.add(neural(combined(run.recipe())));
        return all;
    }

    /** The table and the drafts whose laws are mixed. */
    List<StepDrafter> parts() {
        List<StepDrafter> parts = new ArrayList<>(List.of(new NgramDraft(table())));
        for (String name : mixed(run.recipe())) parts.add(neural(name));
        return parts;
    }

    private Mixed mixture() {
        List<StepDrafter> parts = parts();
        return new Mixed(MIXED, parts, Calibration.read(run.calibration()).weights(parts));
    }

    private Combined combination(String name, List<StepDrafter> drafters) {
        int longest =
                run.recipe().evaluate().gammas().stream().max(Integer::compare).orElseThrow();
        Costs costs = target.map(t -> Costs.measure(t.llama(), longest + 1)).orElse(Costs.FLAT);
        List<Candidate> candidates = new ArrayList<>();
        for (StepDrafter drafter : drafters) {
            candidates.add(new Candidate(drafter, cost(drafter)));
        }
        return new Combined(name, candidates, Calibration.read(run.calibration()), costs);
    }

    /** Time of a guess, in passes of the target that read one token; a warm one of each. */
    private double cost(StepDrafter drafter) {
        if (target.isEmpty() || !(drafter instanceof NeuralDraft)) return 0;
        Llama llama = target.get().llama();
        int context = Math.min(CONTEXT, llama.capacity() / 2), times = Math.min(TIMES, context / 2);
        Runnable guess = () -> {
            drafter.hear(0, 0);
            drafter.propose(1, Sampling.GREEDY, null);
        };
        Runnable pass = () -> {
            llama.read(new int[1], 0, 1, 1);
            llama.truncate(context);
        };
        llama.truncate(0);
        llama.read(new int[context], 0, context, 1);
        double ratio = 0;
        for (int round = 0; round < WARM; round++) {
            drafter.begin(new int[context]);
            ratio = median(guess, times) / median(pass, times);
        }
        return ratio;
    }

    private static double median(Runnable work, int times) {
        double[] nanos = new double[times];
        for (int i = 0; i < times; i++) {
            long began = System.nanoTime();
            work.run();
            nanos[i] = System.nanoTime() - began;
        }
        Arrays.sort(nanos);
        return nanos[times / 2];
    }

    /** What a report says of a drafter, under the name that it goes by. */
    Model model(String name, Drafter drafter) {
        if (name.equals(COMBINED)) return model(drafter.name(), List.of(combined(run.recipe())));
        if (name.equals(MIXED)) return model(drafter.name(), mixed(run.recipe()));
        return Evaluate.NO_NETWORK.contains(name)
                ? new Model(drafter.name(), "", drafter.parameters(), drafter.parameters(), "", "")
                : model(name).model(drafter.name());
    }

    /** Of a drafter that reads these drafts. */
    private Model model(String name, List<String> drafts) {
        List<Model> all = drafts.stream().map(d -> model(d).model("")).toList();
        return new Model(
                name,
                joined(all, Model::path),
                all.stream().mapToLong(Model::parameters).sum(),
                all.stream().mapToLong(Model::read).sum(),
                joined(all, Model::weights),
                joined(all, Model::hash));
    }

    private static String joined(List<Model> models, Function<Model, String> what) {
        return models.stream().map(what).distinct().collect(Collectors.joining(", "));
    }

    @Override
    public void close() {
        while (!closing.isEmpty()) {
            try {
                closing.pop().close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
