package dev.outrider.recipes.verb;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Vision;
import dev.outrider.checkpoints.chat.ChatTemplate;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.image.ImageFile;
import dev.outrider.data.image.ImageLoader;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.Devices;
import dev.outrider.decode.model.CausalModel;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.LlamaWeights;
import dev.outrider.decode.model.Llava;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.model.Sight;
import dev.outrider.decode.model.WeightType;
import dev.outrider.decode.speculate.Compatibility;
import dev.outrider.decode.speculate.Decoder;
import dev.outrider.decode.speculate.Generation;
import dev.outrider.decode.speculate.Limits;
import dev.outrider.decode.speculate.Listener;
import dev.outrider.decode.speculate.NeuralDraft;
import dev.outrider.decode.speculate.Sampling;
import dev.outrider.decode.speculate.Tally;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
        name = "chat",
        mixinStandardHelpOptions = true,
        description = "Talks with a target; tokens that the draft guessed right are green. One prompt a line;"
                + " an empty line ends. What was said before stays in the conversation.",
        footer = {
            "",
            "Example:  ./outrider chat --target runs/quickstart/export/target"
                    + " --draft runs/quickstart/export/draft-llava --gamma 4"
        })
public final class ChatVerb implements Callable<Integer> {
    private static final String GREEN = "\u001b[32m", PLAIN = "\u001b[0m";

    @Option(names = "--target", required = true, description = "A Hugging Face directory, a GGUF or a llama2.c file.")
    Path target;

    @Option(names = "--draft", description = "A draft with the same tokenizer; without it the target talks alone.")
    Path draft;

    @Option(names = "--gamma", description = "Tokens drafted in a round, 1 to 16 (default: ${DEFAULT-VALUE}).")
    int gamma = 4;

    @Option(names = "--temperature", description = "0 is greedy (default: ${DEFAULT-VALUE}).")
    double temperature;

    @Option(names = "--top-p", description = "(default: ${DEFAULT-VALUE})")
    double topP = 1;

    @Option(names = "--max-tokens", description = "(default: ${DEFAULT-VALUE})")
    int maxTokens = 200;

    @Option(names = "--seed", description = "(default: ${DEFAULT-VALUE})")
    long seed = 1;

    @Option(names = "--stop", description = "Text that ends an answer; may be given several times.")
    List<String> stops = List.of();

    @Option(
            names = "--template",
            description =
                    "A chat template by name: chatml, llama-2 or vicuna_v1. Default: the target's own; without one"
                            + " <|user|> and <|assistant|> where the tokenizer has these tokens, else as --raw.")
    String template;

    @Option(names = "--system", description = "What the system says before the first prompt.")
    String system;

    @Option(names = "--raw", description = "No template and no history: every line is the whole text to go on from.")
    boolean raw;

    @Option(
            names = "--image",
            paramLabel = "FILE",
            description = "A picture that the first prompt is about; may be given several times.")
    List<Path> images = List.of();

    @Option(names = "--tower", paramLabel = "DIR", description = "The target's vision tower, where it only names it.")
    Path tower;

    @Option(
            names = "--weights",
            description =
                    "How both models' matrices are held: stored (as in their files; quantised ones as F32), f32, bf16 or"
                            + " int8. What is not stored is copied, and faster (default: ${DEFAULT-VALUE}).")
    WeightType held = WeightType.STORED;

    @Option(names = "--device", description = Devices.NAMES + " (default: ${DEFAULT-VALUE}).")
    String on = "cpu";

    @Override
    public Integer call() throws IOException {
        Decoder.requireGamma(gamma);
        try (Device device = Devices.open(on, 0);
                Checkpoint files = Checkpoint.open(target)) {
            if (tower != null) files.vision().ifPresent(v -> v.attach(tower));
            if (images.isEmpty()) return call(device, files, Optional.empty(), List.of());
            Vision vision = files.vision().orElseThrow(this::blind);
            ImageLoader loader = ImageLoader.of(vision);
            List<Picture> pictures =
                    images.stream().map(f -> (Picture) new ImageFile(f, loader)).toList();
            try (Sight sight = Sight.of(device, vision, images.size())) {
                return call(device, files, Optional.of(sight), pictures);
            }
        }
    }

    private Failure blind() {
        return Failure.usage(
                target.toString(),
                "a model that cannot see",
                "a LLaVA's directory, with its tower and projector",
                "Leave --image out, or give another target.");
    }

    private int call(Device device, Checkpoint files, Optional<Sight> sight, List<Picture> pictures)
            throws IOException {
        Tokenizer tokenizer = files.requireTokenizer();
        int room = room(files);
        try (LlamaWeights weights = LlamaWeights.load(device, files, held);
                CausalModel model = model(device, files, weights, room, sight)) {
            model.show(pictures);
            if (draft == null) return talk(model, files, dialogue(model, tokenizer, room), null);
            try (Checkpoint draftFiles = Checkpoint.open(draft)) {
                Compatibility.require(draft.toString(), draftFiles.requireTokenizer(), target.toString(), tokenizer);
                int both = Math.min(room, room(draftFiles));
                try (LlamaWeights draftWeights = LlamaWeights.load(device, draftFiles, held);
                        NeuralDraft drafter = new NeuralDraft(
                                model(device, draftFiles, draftWeights, both, sight),
                                draftFiles.config().parameters())) {
                    drafter.show(pictures);
                    return talk(model, files, dialogue(model, tokenizer, both), drafter);
                }
            }
        }
    }

    /** With eyes, if it has them and there is something to see. */
    private static CausalModel model(
            Device device, Checkpoint files, LlamaWeights weights, int room, Optional<Sight> sight) {
        Llama language = new Llama(device, weights, room);
        if (sight.isEmpty() || files.vision().isEmpty()) return language;
        return new Llava(device, language, files.vision().get(), sight.get());
    }

    private static int room(Checkpoint model) {
        return Math.min(4096, model.config().maxPositions());
    }

    private Dialogue dialogue(CausalModel model, Tokenizer tokenizer, int room) {
        Optional<ChatTemplate> found = raw
                ? Optional.empty()
                : template != null ? Optional.of(ChatTemplate.named(template)) : ChatTemplate.find(target);
        boolean plain = found.isEmpty() && !raw && tokenizer.specialId("<|user|>") >= 0;
        return new Dialogue(
                plain ? Optional.of(Dialogue.OWN) : found,
                tokenizer,
                system,
                Math.max(room / 2, room - maxTokens),
                ids -> model.own(ids).length);
    }

    private int talk(CausalModel model, Checkpoint files, Dialogue dialogue, NeuralDraft drafter) throws IOException {
        Decoder decoder = new Decoder(model);
        Sampling sampling = new Sampling(temperature, 0, topP, 0, 1);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        Set<Integer> ends = Set.copyOf(files.config().eosIds());
        Limits limits = new Limits(maxTokens, ends, stops, files.tokenizer());
        for (int turn = 0; ; turn++) {
            System.out.print("> ");
            System.out.flush();
            String line = in.readLine();
            if (line == null || line.isBlank()) return 0;
            int[] ids = dialogue.prompt(line, turn == 0 ? images.size() : 0);
            Generation g = drafter == null
                    ? decoder.autoregressive(ids, sampling, limits, seed + turn, printer())
                    : decoder.speculative(ids, drafter, gamma, sampling, limits, seed + turn, printer());
            dialogue.answered(g.text());
            System.out.println(PLAIN + "\n" + summary(g));
        }
    }

    private static Listener printer() {
        return new Listener() {
            @Override
            public void token(int id, boolean drafted) {}

            @Override
            public void text(String text, boolean drafted) {
                System.out.print((drafted ? GREEN : PLAIN) + text);
                System.out.flush();
            }
        };
    }

    private static String summary(Generation g) {
        Tally tally = new Tally();
        tally.add(g);
        return String.format(
                Locale.ROOT,
                "[%d tokens, %d passes, τ %.2f, %.0f tok/s, %s]",
                g.tokens().length,
                g.passes().size() + 1,
                tally.blockEfficiency(),
                tally.tokenRate(),
                g.finish().name().toLowerCase(Locale.ROOT));
    }
}
