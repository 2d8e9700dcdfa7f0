package dev.outrider.recipes;

import dev.outrider.checkpoints.ClipConfig;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Gelu;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.data.image.PictureKind;
import dev.outrider.data.text.Source;
import dev.outrider.decode.device.Devices;
import dev.outrider.decode.device.Precision;
import dev.outrider.decode.speculate.Decoder;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Everything that a run depends on, as one YAML file says it; one long file, since these records are the only list of
 * keys that there is. The stages run in this order, each from what
 * the ones before left in the run's folder: corpus, data, tower, pictures, target, prompts, generate, tables,
 * pretrain, alignments, distill, export, calibrate, evaluate, report.
 *
 * @param run folder that gets everything; a second run of the same recipe goes on where the first ended
 * @param threads 0 uses every processor
 * @param device what finished models run on (calibrate, evaluate): cpu, cuda, or cuda:1 for the second card
 * @param world the procedural world as corpus, instead of files
 * @param alignments others than {@code distill}, in order: to compare with, or for it to start from
 */
public record Recipe(
        String name,
        @Key("runs") Path run,
        @Key("1") long seed,
        @Key(value = "0", min = 0, max = 1024) int threads,
        @Key("cpu") String device,
        Spark spark,
        Optional<World> world,
        Optional<Tower> tower,
        Pictures pictures,
        Vocabulary tokenizer,
        Text text,
        Target target,
        Draft draft,
        Training pretrain,
        Generate generate,
        Tables tables,
        @Key("[]") List<Distill> alignments,
        Distill distill,
        Export export,
        Evaluate evaluate) {

    public Recipe {
        if (run.equals(Path.of("runs"))) run = Path.of("runs", name);
        require(Devices.named(device), "device " + device, Devices.NAMES);
        requireRecorded(world, target, generate, evaluate);
        requireDialogues(world, pictures, target, generate, evaluate);
        requireWeights(target, text, draft, both(alignments, distill));
        requireText(world, text, target, readsText(target, pretrain, tables, alignments, distill));
        require(
                generate.evaluation() > 0 || !evaluate.suites().isEmpty() || world.isPresent(),
                "generate.evaluation 0 without evaluate.suites",
                "prompts to evaluate on: a share of those for the target, or suites");
        require(
                export.gguf().isEmpty() || target.shape().isEmpty(),
                "export.gguf with a target that is still to be trained",
                "a target.checkpoint: tokenizers trained here have no place in a GGUF");
        int longest = text.length();
        target.shape().ifPresent(s -> requireRoom("target.shape", s, longest));
        draft.shape().ifPresent(s -> requireRoom("draft", s, longest));
        requireStored(both(alignments, distill), generate);
        requireAlignments(both(alignments, distill), evaluate);
        requireDrafters(both(alignments, distill), evaluate);
        requireRange(export, draft);
        requireSight(world, pictures, tower, target, both(alignments, distill));
    }

    private static void requireDialogues(
            Optional<World> world, Pictures pictures, Target target, Generate generate, Evaluate evaluate) {
        if (pictures.dialogues().isEmpty()) return;
        require(
                target.shape().isPresent(),
                "pictures.dialogues with a given target",
                "generate.prompts: it is trained already, and is asked these");
        require(world.isEmpty(), "pictures.dialogues beside a world", "pictures from one place");
        require(!pictures.folders().isEmpty(), "pictures.dialogues without pictures.folders", "where the pictures lie");
        require(
                target.chatTemplate().isPresent(),
                "pictures.dialogues without target.template",
                "the name of the chat template that the target is to learn");
        require(
                generate.evaluation() > 0 && evaluate.suites().isEmpty(),
                "pictures.dialogues with " + (generate.evaluation() > 0 ? "evaluate.suites" : "generate.evaluation 0"),
                "a share of the pictures to evaluate on (generate.evaluation), and no suites");
    }

    private static void requireSight(
            Optional<World> world, Pictures pictures, Optional<Tower> tower, Target target, List<Distill> alignments) {
        int dialogues = pictures.dialogues().size();
        int seen = world.map(World::seen).orElse(0) + dialogues;
        boolean made = target.shape().isPresent(),
                sees = !made || target.adapter().isPresent();
        require(
                target.adapter().isEmpty() || made,
                "target.adapter with a given target",
                "its own projector: leave target.adapter out");
        require(
                !made || target.adapter().isEmpty() || tower.isPresent(),
                "target.adapter without a tower",
                "tower.checkpoint, or tower.shape with tower.training");
        require(
                target.adapter().isEmpty()
                        || target.training()
                                .map(t -> t.batch() * target.seenShare() >= 1)
                                .orElse(true),
                "target.training in batches too small for a seen_share of " + target.seenShare(),
                "a row with a picture in every step: a larger batch or share");
        require(
                !made || target.adapter().isPresent() == seen > 0,
                "a target to train " + (target.adapter().isPresent() ? "with" : "without") + " target.adapter, and "
                        + (seen - dialogues) + " of world.seen, " + dialogues + " pictures.dialogues",
                "both or neither: what it is to see, and what it sees with");
        require(seen == 0 || made, "world.seen with a given target", "world.seen_prompts alone: it is trained already");
        require(
                sees || world.map(World::seenPrompts).orElse(0) == 0,
                "world.seen_prompts for a target that cannot see",
                "a target that sees (target.adapter)");
        require(
                tower.flatMap(Tower::shape).isEmpty() || seen > 0,
                "a tower to train without world.seen or pictures.dialogues",
                "pictures with captions to train it on; or tower.checkpoint");
        for (Distill one : alignments) {
            require(
                    sees || one.answers() != Answered.SEEN && one.adapter().isEmpty(),
                    "alignment " + one.name() + " on answers about pictures, with a target that cannot see",
                    "a target that sees (target.adapter)");
            require(
                    sees(one, alignments) || !one.frozen(),
                    "alignment " + one.name() + " with frozen, of a draft that does not see",
                    "an adapter, which is then trained alone");
            require(
                    one.adapter().isEmpty() || !sees(one.start(), alignments),
                    "alignment " + one.name() + " with an adapter for '" + one.start() + "', which has one",
                    "one adapter of a draft");
        }
    }

    /** Whether the tower is to be trained here. */
    public boolean trainsTower() {
        return tower.flatMap(Tower::shape).isPresent();
    }

    /** Whether a target is to be trained that sees. */
    public boolean trainsSeeing() {
        return target.adapter().isPresent();
    }

    /** Whether the target is asked about the world's pictures, or those of dialogues. */
    public boolean asksAboutPictures() {
        return world.map(World::seenPrompts).orElse(0) > 0
                || !pictures.dialogues().isEmpty();
    }

    /** Whether the target is to look at pictures: it is trained to, or something is said of pictures. */
    public boolean looks() {
        return trainsSeeing()
                || asksAboutPictures()
                || !pictures.folders().isEmpty()
                || allAlignments().stream().anyMatch(a -> a.answers() == Answered.SEEN || sees(a));
    }

    /** Whether the draft that an alignment makes has an image adapter: its own, or of the draft that it begins with. */
    public boolean sees(Distill alignment) {
        return sees(alignment, allAlignments());
    }

    private static boolean sees(Distill alignment, List<Distill> all) {
        return alignment.adapter().isPresent() || sees(alignment.start(), all);
    }

    private static boolean sees(String name, List<Distill> all) {
        return all.stream().filter(a -> a.name().equals(name)).anyMatch(a -> sees(a, all));
    }

    private static void requireRecorded(Optional<World> world, Target target, Generate generate, Evaluate evaluate) {
        boolean recorded = !generate.recorded().isEmpty();
        require(
                recorded || target.tokenizer().isEmpty(),
                "target.tokenizer without generate.recorded",
                "files of what the target once answered: it is not there to be asked");
        if (!recorded) return;
        require(
                world.isEmpty() && target.shape().isEmpty(),
                "generate.recorded with " + (world.isPresent() ? "a world" : "a target that is still to be trained"),
                "a target that gave these answers");
        require(
                generate.prompts().isEmpty()
                        && generate.written() == 0
                        && generate.openings() == 0
                        && generate.passages().isEmpty()
                        && generate.topK() == 0,
                "generate.recorded beside prompts, written, openings, passages or top_k",
                "either answers that were recorded or prompts to answer");
        require(
                generate.evaluation() > 0 && evaluate.suites().isEmpty(),
                "generate.recorded with " + (generate.evaluation() > 0 ? "evaluate.suites" : "generate.evaluation 0"),
                "a share of the recorded answers to replay (generate.evaluation), and no suites");
        require(
                evaluate.temperatures().equals(List.of(0.0)),
                "generate.recorded with evaluate.temperatures " + evaluate.temperatures(),
                "[0]: replays are exact where the target answered greedily, and there alone");
    }

    private static void requireWeights(Target target, Text text, Draft draft, List<Distill> alignments) {
        if (target.tokenizer().isEmpty()) return;
        String remedy = "its weights (target.checkpoint), or a setting that does without";
        require(text.written() == 0, "text.written with target.tokenizer alone", remedy);
        require(
                draft.cut().isEmpty() && draft.copying() == 0,
                "draft." + (draft.cut().isEmpty() ? "copying" : "cut") + " with target.tokenizer alone",
                remedy);
        require(target.weights() == Weights.STORED, "target.weights with target.tokenizer alone", remedy);
        for (Distill one : alignments) {
            require(
                    one.laws() == Laws.NONE,
                    "alignment " + one.name() + " with " + Binder.spelling(one.laws())
                            + " laws of a target of which only target.tokenizer is given",
                    "laws none, with loss ce; or its weights (target.checkpoint)");
        }
    }

    private static void requireText(Optional<World> world, Text text, Target target, boolean read) {
        long ways = Stream.of(world.isPresent(), !text.inputs().isEmpty(), text.written() > 0)
                .filter(way -> way)
                .count();
        require(
                ways > 0 || !read,
                "no text to pre-train on",
                "world, text.inputs or text.written; or pretrain.steps 0, every share 1 and no tables.text");
        require(
                text.inputs().isEmpty() || ways == 1,
                "text.inputs beside " + (world.isPresent() ? "a world" : "text.written"),
                "text from one place");
        boolean conversations = text.format() == Format.CONVERSATIONS;
        require(
                !conversations || !text.inputs().isEmpty() || ways == 0,
                "text.format conversations without text.inputs",
                "files of conversations");
        require(
                !conversations
                        || target.shape().isEmpty()
                        || target.chatTemplate().isPresent() && target.adapter().isPresent(),
                "text.format conversations with a target that is still to be trained, and not on pictures.dialogues",
                "a target.checkpoint, whose chat template and tokenizer they get");
        require(
                text.written() == 0 || target.checkpoint().isPresent(),
                "text.written with a target that is still to be trained",
                "a target.checkpoint that can write it");
    }

    /** Rows that can never be chosen have weights that F16 does not reach. */
    private static void requireRange(Export export, Draft draft) {
        boolean padded = export.padVocabulary() > 0;
        require(
                !padded && draft.vocabulary() == 0
                        || !export.gguf().contains(GgufStored.F16)
                                && !export.gguf().contains(GgufStored.Q8_0),
                "export.gguf " + export.gguf() + " of drafts with rows that can never be chosen"
                        + " (export.pad_vocabulary, draft.vocabulary)",
                "bf16 or f32, which hold their weights");
        require(
                !padded || export.dtype() != Stored.F16,
                "export.dtype f16 with export.pad_vocabulary",
                "bf16 or f32, which hold the padded rows' weights");
    }

    private static void requireStored(List<Distill> alignments, Generate generate) {
        for (Distill one : alignments) {
            require(
                    one.laws() != Laws.STORED || generate.topK() > 0,
                    "alignment " + one.name() + " with stored laws, and generate.top_k 0",
                    "a top_k of some tens, so that the target's laws are stored; or online laws");
        }
    }

    /** All alignments in their order, {@code distill} last. */
    public List<Distill> allAlignments() {
        return both(alignments, distill);
    }

    private static List<Distill> both(List<Distill> alignments, Distill last) {
        return Stream.concat(alignments.stream(), Stream.of(last)).toList();
    }

    /** Stage and folder of an alignment: {@code distill}, or {@code distill-NAME} for the others. */
    public String place(Distill alignment) {
        return alignment.equals(distill) ? "distill" : "distill-" + alignment.name();
    }

    private static void requireAlignments(List<Distill> alignments, Evaluate evaluate) {
        Set<String> taken = new LinkedHashSet<>(Evaluate.NO_NETWORK);
        taken.addAll(evaluate.drafts().keySet());
        Set<String> known = new LinkedHashSet<>(List.of(Distill.PRETRAINED));
        for (Distill one : alignments) {
            require(
                    known.contains(one.start()),
                    "alignment " + one.name() + " with start '" + one.start() + "'",
                    "one of those before it: " + String.join(", ", known));
            require(
                    one.name().matches("[a-z0-9][a-z0-9._+-]*") && !taken.contains(one.name()) && known.add(one.name()),
                    "an alignment named '" + one.name() + "'",
                    "a name of its own, in lower case");
            require(
                    one.training().batch() * one.share() >= 1,
                    "alignment " + one.name() + " with batches of "
                            + one.training().batch() + " and a share of " + one.share(),
                    "a row of answers in every step: a larger batch, or share 1");
        }
    }

    private static void requireDrafters(List<Distill> alignments, Evaluate evaluate) {
        Set<String> networks = new LinkedHashSet<>(List.of(Distill.PRETRAINED));
        alignments.forEach(a -> networks.add(a.name()));
        for (String name : evaluate.drafts().keySet()) {
            require(
                    !Evaluate.NO_NETWORK.contains(name) && networks.add(name),
                    "a draft named '" + name + "' in evaluate.drafts",
                    "a name of its own");
        }
        evaluate.combine()
                .ifPresent(name -> require(
                        networks.contains(name),
                        "evaluate.combine '" + name + "'",
                        "one of " + String.join(", ", networks)));
        require(
                networks.containsAll(evaluate.mix())
                        && Set.copyOf(evaluate.mix()).size() == evaluate.mix().size(),
                "evaluate.mix " + evaluate.mix(),
                "some of " + String.join(", ", networks) + ", each once");
        Set<String> drafters = new LinkedHashSet<>(Evaluate.NO_NETWORK);
        drafters.addAll(networks);
        for (String name : evaluate.drafters()) {
            require(
                    drafters.contains(name),
                    "evaluate.drafters with '" + name + "'",
                    "some of " + String.join(", ", drafters));
        }
        for (String name : Stream.concat(evaluate.pairs().keySet().stream(), evaluate.pairs().values().stream())
                .toList()) {
            require(
                    networks.contains(name),
                    "evaluate.pairs with '" + name + "'",
                    "some of " + String.join(", ", networks));
        }
        require(
                Set.copyOf(evaluate.drafters()).size() == evaluate.drafters().size(),
                "evaluate.drafters " + evaluate.drafters(),
                "each drafter once");
    }

    /** Whether anything is trained on text. */
    public boolean readsText() {
        return readsText(target, pretrain, tables, alignments, distill);
    }

    private static boolean readsText(
            Target target, Training pretrain, Tables tables, List<Distill> alignments, Distill distill) {
        return target.shape().isPresent()
                || pretrain.steps() > 0
                || tables.text()
                || both(alignments, distill).stream().anyMatch(a -> a.share() < 1);
    }

    private static void requireRoom(String key, Shape shape, int length) {
        require(
                shape.maxPositions() >= length,
                key + ".max_positions " + shape.maxPositions() + " for text.length " + length,
                "at least as many positions as a row has tokens");
    }

    private static void require(boolean ok, String found, String expected) {
        if (!ok) throw Failure.usage("recipe", found, expected, "Correct one of them.");
    }

    /**
     * @param master Spark's master URL; any cluster
     * @param conf Spark settings as they are
     */
    public record Spark(
            @Key("local[*]") String master, @Key("{}") Map<String, String> conf) {}

    /**
     * @param documents texts to pre-train on
     * @param prompts questions for the target to answer
     * @param seen dialogues about pictures, which a target that sees is trained on as well; 0: none
     * @param seenPrompts questions about pictures for the target to answer
     */
    public record World(
            @Key(value = "20000", min = 1) int documents,
            @Key(value = "2000", min = 1) int prompts,
            @Key(value = "0", min = 0) int seen,
            @Key(value = "0", min = 0) int seenPrompts) {
        /** How many different pictures there are at most. */
        public int pictures() {
            return seen + seenPrompts;
        }
    }

    /**
     * What pictures are seen with, where the target does not bring it: a CLIP vision tower, frozen.
     *
     * @param checkpoint its directory: a CLIPVisionModel, a CLIPModel or a LLaVA
     * @param shape of one to train on the world's pictures and their captions (CLIP, arXiv 2103.00020)
     */
    public record Tower(Optional<Path> checkpoint, Optional<TowerShape> shape, Optional<Training> training) {
        public Tower {
            require(
                    checkpoint.isPresent() != shape.isPresent() && shape.isPresent() == training.isPresent(),
                    "a tower with " + (checkpoint.isPresent() ? "checkpoint and shape or training" : "no checkpoint"),
                    "either tower.checkpoint, or tower.shape with tower.training");
            require(
                    training.map(Training::dropout).orElse(0.0) == 0,
                    "dropout in tower.training",
                    "none: a tower is trained without");
        }
    }

    /**
     * A CLIP vision tower's shape, and what it is compared with.
     *
     * @param image pixels of a side
     * @param patch pixels of a patch's side
     * @param embedding width that pictures and captions are compared in
     * @param textLayers layers of the half that reads captions; it is not kept
     */
    public record TowerShape(
            @Key(value = "", min = 8) int image,
            @Key(value = "", min = 2) int patch,
            @Key(value = "", min = 1) int layers,
            @Key(value = "", min = 8) int hidden,
            @Key(value = "", min = 8) int intermediate,
            @Key(value = "", min = 1) int heads,
            @Key(value = "64", min = 8) int embedding,
            @Key(value = "1", min = 1) int textLayers) {
        public TowerShape {
            require(image % patch == 0, "a picture of " + image + " in patches of " + patch, "a multiple of patch");
            require(hidden % heads == 0, "hidden " + hidden + " over " + heads + " heads", "a multiple of heads");
        }

        public ClipConfig config() {
            return new ClipConfig(image, patch, 3, hidden, intermediate, layers, heads, 1e-5, Gelu.QUICK, DType.F32);
        }
    }

    /** What becomes of a run whose rows name pictures that are missing, broken or too large. */
    public enum Bad {
        REFUSE,
        /** They are counted and named, and their rows left out. */
        SKIP
    }

    /**
     * The pictures that prompts and conversations name.
     *
     * @param folders where their files lie
     * @param dialogues files of conversations about them, for a target that is trained here and sees: those about a share
     *     of the pictures ({@code generate.evaluation}) are held out for evaluation; on the others it is trained, and
     *     asked, and a tower is trained on their first answers as captions
     * @param tasks of these conversations only those that say they are of one of them; none: all
     * @param kept what of them is made ready for training and answering: the tower's features, or levels, a byte a channel
     * @param mostPixels a larger picture is not decoded
     * @param memory pictures whose features stay in memory while training and answering
     */
    public record Pictures(
            @Key("[]") List<Path> folders,
            @Key("[]") List<Path> dialogues,
            @Key("[]") List<String> tasks,
            @Key("features") PictureKind kept,
            @Key("refuse") Bad bad,

            @Key(value = "89478485", min = 1, max = 500000000)
            long mostPixels,

            @Key(value = "256", min = 1) int memory) {}

    /** What an adapter begins as. */
    public enum AdapterStart {
        /** A draft's: the target's projector with fewer neurons (weight subcloning, arXiv 2312.09299). */
        TARGET,
        RANDOM
    }

    /**
     * What brings a tower's features to a model's width: matrices with GELU between them.
     *
     * @param from what it begins as; a target's own is always random
     * @param matrices of a random one; others have as many as the target's projector
     * @param pool side of the square of patches that become one; 1: every patch is read
     */
    public record Adapter(
            @Key("target") AdapterStart from,
            @Key(value = "2", min = 1, max = 9) int matrices,
            @Key(value = "1", min = 1) int pool) {}

    /**
     * The target's tokenizer where the target is given; otherwise one is trained.
     *
     * @param size pieces, special ones and bytes included
     */
    public record Vocabulary(
            @Key(value = "1024", min = 300) int size,
            @Key("[]") List<String> specials) {}

    /** How text files hold documents. */
    public enum Format {
        FILE,
        BLOCKS,
        LINES,
        JSONL,
        PARQUET,
        /** Any form of conversations, put in the target's chat template; the assistant's words are learnt. */
        CONVERSATIONS
    }

    /**
     * @param inputs files or folders
     * @param written texts that the target writes itself from nothing (temperature 1), as corpus
     * @param field of JSONL or Parquet
     * @param length tokens of a training row, T
     * @param joined whether rows may cross documents
     * @param maxRepeatedLines share of lines that repeat an earlier one; 1 switches a filter off
     * @param maxTopNgram share of the words that the most frequent 4-gram covers
     * @param maxTopCharacter share of the most frequent character
     * @param specials whether special tokens' texts in the documents become these tokens: only in text of your own
     * @param nearDuplicates conversations whose word sets overlap more (Jaccard) count as one; 1: only equal ones
     * @param validation share of the documents held out, by their hash
     */
    public record Text(
            @Key("[]") List<Path> inputs,
            @Key(value = "0", min = 0) int written,
            @Key("blocks") Format format,
            @Key("text") String field,
            @Key(value = "256", min = 8, max = 131072) int length,
            @Key("false") boolean joined,
            @Key(value = "20", min = 0) int minCharacters,
            @Key(value = "1000000", min = 1) int maxCharacters,
            @Key(value = "0.3", min = 0.001, max = 1) double maxRepeatedLines,
            @Key(value = "0.2", min = 0.001, max = 1) double maxTopNgram,
            @Key(value = "0.4", min = 0.001, max = 1) double maxTopCharacter,
            @Key("false") boolean specials,
            @Key(value = "1", min = 0.1, max = 1) double nearDuplicates,
            @Key(value = "0.02", min = 0.0001, max = 0.5) double validation) {}

    /** Type that weights are held in while decoding. */
    public enum Weights {
        STORED,
        F32,
        BF16,
        INT8
    }

    /**
     * A given target, or the shape and training of one to make, or one of which only its words are known: what it
     * answered was recorded.
     *
     * @param checkpoint a Hugging Face directory, a GGUF or a llama2.c file
     * @param tokenizer folder with its tokenizer, where nothing else of it is there
     * @param parameters what MBSU's cost ratio is against; 0: the checkpoint's
     * @param weights what the target is held in where it speaks, teaches and is measured: it <em>is</em> the model so rounded
     * @param template name of a chat template, or {@code own}: the checkpoint's
     * @param adapter of a target to train that sees
     * @param seenShare of its training rows that have pictures, where it sees
     */
    public record Target(
            Optional<Path> checkpoint,
            Optional<Shape> shape,
            Optional<Training> training,
            Optional<Path> tokenizer,
            @Key(value = "0", min = 0) long parameters,
            Optional<Adapter> adapter,
            @Key(value = "0.5", min = 0.01, max = 0.99) double seenShare,
            @Key("stored") Weights weights,
            @Key("own") String template) {
        public Target {
            List<String> ways = Stream.of(
                            checkpoint.map(c -> "checkpoint"), shape.map(c -> "shape"), tokenizer.map(c -> "tokenizer"))
                    .flatMap(Optional::stream)
                    .toList();
            require(
                    ways.size() == 1,
                    "target with " + (ways.isEmpty() ? "neither" : String.join(" and ", ways)),
                    "either target.checkpoint (a given one) or target.shape with target.training (one to train) or"
                            + " target.tokenizer (one whose answers were recorded)");
            require(
                    tokenizer.isEmpty() || parameters > 0,
                    "target.tokenizer without target.parameters",
                    "how many parameters it has, for MBSU");
            require(parameters == 0 || shape.isEmpty(), "target.parameters beside target.shape", "only one of them");
            require(
                    shape.isPresent() == training.isPresent(),
                    "target.shape " + (shape.isPresent() ? "without" : "absent but with") + " target.training",
                    "both or neither");
        }

        /** Where its tokenizer and chat template are, unless it is to be trained. */
        public Optional<Path> given() {
            return checkpoint.or(() -> tokenizer);
        }

        /** Name of the chat template; empty: the checkpoint's own. */
        public Optional<String> chatTemplate() {
            return template.equals("own") ? Optional.empty() : Optional.of(template);
        }
    }

    /**
     * A LLaMA's shape; the vocabulary is the tokenizer's.
     *
     * @param hidden C
     * @param intermediate I of the SwiGLU
     * @param kvHeads 0: as many as heads
     */
    public record Shape(
            @Key(value = "", min = 1) int layers,
            @Key(value = "", min = 8) int hidden,
            @Key(value = "", min = 8) int intermediate,
            @Key(value = "", min = 1) int heads,
            @Key(value = "0", min = 0) int kvHeads,
            @Key("false") boolean tied,
            @Key(value = "2048", min = 16) int maxPositions) {
        public Shape {
            require(hidden % heads == 0, "hidden " + hidden + " over " + heads + " heads", "a multiple of heads");
            require(
                    hidden / heads % 2 == 0,
                    "heads of " + hidden / heads + " channels",
                    "an even number (rotary pairs): hidden / heads");
            require(
                    kvHeads == 0 || heads % kvHeads == 0,
                    heads + " heads over " + kvHeads + " kv_heads",
                    "a number of kv_heads that divides heads");
        }

        /** As a model of {@code vocabulary} rows. */
        public ModelConfig config(int vocabulary, int bos, List<Integer> eos) {
            ModelConfig plain =
                    ModelConfig.draft(vocabulary, hidden, intermediate, layers, heads, maxPositions, bos, -1);
            return new ModelConfig(
                    plain.vocabSize(),
                    hidden,
                    intermediate,
                    layers,
                    heads,
                    kvHeads == 0 ? heads : kvHeads,
                    plain.headDim(),
                    maxPositions,
                    plain.rmsNormEps(),
                    plain.ropeTheta(),
                    plain.ropeScaling(),
                    tied,
                    false,
                    false,
                    bos,
                    eos,
                    plain.dtype());
        }
    }

    /**
     * The draft before it is trained: a shape of its own with random weights, or a model to go on from.
     *
     * @param layers as the other keys of a {@link Shape}; 0, with {@code hidden}, where it is not a shape of its own
     * @param cut indices of the target's layers that it begins as; embeddings, norms, heads and width are the target's
     * @param copying begins as so many of the target's layers: first, last, and those by which it repeats what it read
     * @param start checkpoint whose weights it begins with (not a resumed run: steps count from 0)
     * @param vocabulary how many of the target's tokens it can say, the most frequent ones of the target's answers; 0: all
     */
    public record Draft(
            @Key(value = "0", min = 0) int layers,
            @Key(value = "0", min = 0) int hidden,
            @Key(value = "0", min = 0) int intermediate,
            @Key(value = "0", min = 0) int heads,
            @Key(value = "0", min = 0) int kvHeads,
            @Key("false") boolean tied,
            @Key(value = "2048", min = 16) int maxPositions,
            @Key(value = "[]", min = 0) List<Integer> cut,
            @Key(value = "0", min = 0) int copying,
            Optional<Path> start,
            @Key(value = "0", min = 0) int vocabulary) {
        public Draft {
            long ways = Stream.of(layers + hidden > 0, !cut.isEmpty(), copying > 0, start.isPresent())
                    .filter(way -> way)
                    .count();
            require(
                    ways == 1,
                    "a draft begun in " + ways + " ways",
                    "one of: a shape (layers, hidden, ..), cut, copying, start");
            require(copying != 1, "draft.copying: 1", "2 or more: first and last are always among them");
            require(vocabulary == 0 || !tied, "draft.vocabulary with draft.tied", "an output matrix of its own");
            require(
                    vocabulary == 0 || start.isEmpty(),
                    "draft.vocabulary with draft.start",
                    "the vocabulary of the checkpoint it starts from");
            if (ways == 1 && layers + hidden > 0) {
                require(
                        layers >= 1 && hidden >= 8 && intermediate >= 8 && heads >= 1,
                        "a draft of " + layers + " layers, hidden " + hidden + ", intermediate " + intermediate + ", "
                                + heads + " heads",
                        "at least 1, 8, 8, 1");
                new Shape(layers, hidden, intermediate, heads, kvHeads, tied, maxPositions);
            }
        }

        /** Present where the draft has a shape of its own. */
        public Optional<Shape> shape() {
            return layers + hidden == 0
                    ? Optional.empty()
                    : Optional.of(new Shape(layers, hidden, intermediate, heads, kvHeads, tied, maxPositions));
        }
    }

    /** Decay of the learning rate after the warm-up. */
    public enum Decline {
        COSINE,
        LINEAR,
        CONSTANT
    }

    /**
     * @param steps optimiser steps
     * @param batch rows of a step
     * @param microBatch most rows of a pass, whose padding is left out; 0: all of them
     * @param rate highest learning rate
     * @param minimum share of the highest rate that is left at the end
     * @param clip gradient norm
     * @param validationRows rows that validation reads
     * @param dropout share that is dropped of the embedding's rows and of what every block adds to them: for little
     *     text that is read over and over
     * @param precision of matrix products: f32, or bf16 with float32 sums and weights, where the CPU multiplies BF16
     * @param spike losses so many spreads above the usual, several in a row, stop the run; 0: only NaN does
     */
    public record Training(
            @Key(value = "", min = 0) long steps,
            @Key(value = "", min = 1) int batch,
            @Key(value = "0", min = 0) int microBatch,
            @Key(value = "", min = 0) double rate,
            @Key("cosine") Decline schedule,
            @Key(value = "0", min = 0) long warmup,
            @Key(value = "0.1", min = 0, max = 1) double minimum,
            @Key(value = "0.9", min = 0, max = 0.999999) double beta1,
            @Key(value = "0.95", min = 0, max = 0.999999) double beta2,
            @Key(value = "1e-8", min = 0) double epsilon,
            @Key(value = "0.1", min = 0) double decay,
            @Key(value = "1", min = 0) double clip,
            @Key(value = "0", min = 0, max = 0.9) double dropout,
            @Key("f32") Precision precision,
            @Key(value = "0", min = 0) long validateEvery,
            @Key(value = "32", min = 1) int validationRows,
            @Key(value = "0", min = 0) long saveEvery,
            @Key(value = "2", min = 1) int keep,
            @Key(value = "10", min = 0) double spike) {
        public Training {
            require(warmup <= steps, "warmup " + warmup + " for " + steps + " steps", "at most as many as steps");
        }

        /** Without what may change while a training goes on: how often it looks and saves, and how much at a time. */
        public Training essence() {
            return new Training(
                    steps, batch, 0, rate, schedule, warmup, minimum, beta1, beta2, epsilon, decay, clip, dropout,
                    precision, 0, 1, 0, 1, 0);
        }
    }

    /**
     * The target's own answers.
     *
     * @param prompts conversations of any form (the user's turns are put in the target's chat template), or JSONL with
     *     {@code prompt} alone, taken as it is; not needed with a world. Of several turns the first is asked, and only
     *     it is held against the prompts that are evaluated on
     * @param written prompts that the target writes itself, in the user's place of its chat template
     * @param begin how these begin, in turn ("" leaves all to the target); none: the target begins them all
     * @param passages prompts made of plain text
     * @param most prompts that are answered, of all kinds alike; 0: all
     * @param openings prompts that the target writes itself: the first tokens of texts from nothing
     * @param openingTokens their length
     * @param topK the target's so many likeliest tokens are kept at every token of an answer, with their probabilities;
     *     0: none
     * @param slots answers in work at a time; 0: as many as products need to reach the machine's rate, where memory allows
     * @param nearDuplicates written prompts whose word sets overlap more (Jaccard) count as one; 1: only equal ones
     * @param samples answers per prompt and temperature above 0
     * @param evaluation share of the prompts kept for evaluation, by their hash; never trained on. Of recorded answers
     *     the share of the images (of the first questions, where there are none)
     * @param recorded conversations with what the target answered before, instead of prompts to ask it: rows that were
     *     decoded greedily and not cut are held out, and replayed
     */
    public record Generate(
            @Key("[]") List<Path> prompts,
            @Key("[]") List<Path> recorded,
            @Key(value = "0", min = 0) int written,
            @Key("[]") List<String> begin,
            Optional<Passages> passages,
            @Key(value = "0", min = 0) int most,
            @Key(value = "0", min = 0) int openings,
            @Key(value = "8", min = 1) int openingTokens,
            @Key(value = "[0, 0.3, 0.7, 1.0]", min = 0) List<Double> temperatures,
            @Key(value = "0.95", min = 0.01, max = 1) double topP,
            @Key(value = "128", min = 1) int maxTokens,
            @Key(value = "1", min = 1) int samples,
            @Key(value = "0.1", min = 0, max = 0.9) double evaluation,
            @Key(value = "0", min = 0, max = 1024) int topK,
            @Key(value = "0", min = 0, max = 4096) int slots,
            @Key(value = "0.8", min = 0.1, max = 1) double nearDuplicates) {
        public Generate {
            require(!temperatures.isEmpty(), "no generate.temperatures", "at least one");
        }
    }

    /**
     * Prompts about passages of plain text.
     *
     * @param texts files or folders of plain text, UTF-8
     * @param unit what a passage is: a file, lines up to a blank one, or a line
     * @param least words of the shortest that is taken
     * @param words after which longer ones are cut
     * @param ask what is asked, {@code {passage}} where the passage goes; in turn
     */
    public record Passages(
            @Key("") List<Path> texts,
            @Key("block") Source.Unit unit,
            @Key(value = "40", min = 1) int least,
            @Key(value = "200", min = 1) int words,
            @Key("") List<String> ask) {
        public Passages {
            require(
                    words >= least,
                    "passages of " + least + " to " + words + " words",
                    "words at least as many as least");
            require(
                    !ask.isEmpty() && ask.stream().allMatch(a -> a.contains(dev.outrider.data.answers.Passages.PLACE)),
                    "passages.ask " + ask,
                    dev.outrider.data.answers.Passages.PLACE + " in each, and one at least");
        }
    }

    /**
     * N-gram tables of the target's answers, always, and of other texts.
     *
     * @param text a second one of the pre-training text, for {@code tables} and {@code combined}
     * @param textLeast its contexts that came fewer times are left out
     */
    public record Tables(
            @Key("false") boolean text,
            @Key(value = "2", min = 1) int textLeast) {}

    /** What alignment minimises between target law p and draft law q. */
    public enum Loss {
        CE("ce"),
        KL("kl"),
        REVERSE_KL("reverse_kl"),
        JSD("jsd"),
        TVD("tvd"),
        TVDPP("tvd++"),
        LK("lk_hybrid");

        private final String spelling;

        Loss(String spelling) {
            this.spelling = spelling;
        }

        @Override
        public String toString() {
            return spelling;
        }
    }

    /** Over what TVD++ takes the mean and deviation of its reward. */
    public enum Scope {
        POSITION,
        SEQUENCE,
        BATCH
    }

    /** Where the target's laws come from while aligning. */
    public enum Laws {
        /** Computed by the target beside the draft. */
        ONLINE,
        /** Kept by generation (generate.top_k): the target need not be there. */
        STORED,
        /** Nobody has them: the answers' own tokens are learnt (loss ce). */
        NONE
    }

    /**
     * Rows that the draft continues itself and the target scores (GKD, arXiv 2306.13649).
     *
     * @param share of the distillation rows; 0: none
     * @param temperature of the draft's continuation
     * @param maxTokens most tokens that the draft writes in a row
     * @param refresh steps that rows are written ahead
     */
    public record OnPolicy(
            @Key(value = "0", min = 0, max = 1) double share,
            @Key(value = "1", min = 0) double temperature,
            @Key(value = "32", min = 1) int maxTokens,
            @Key(value = "16", min = 1) long refresh) {}

    /** Which of the target's answers an alignment learns from. */
    public enum Answered {
        ALL,
        /** Those to prompts without a picture. */
        TEXT,
        /** Those to prompts with one. */
        SEEN
    }

    /**
     * One alignment.
     *
     * @param name of the draft it makes, in exports and reports
     * @param adapter of a draft that is to see from here on; a draft without one leaves pictures out of what it reads
     * @param frozen whether the adapter alone is trained
     * @param start the draft it begins with: {@code pretrained}, or an alignment before it
     * @param warmupLoss what the first warmup_steps minimise: TVD stalls far from the target
     * @param samples 0: exact expectation over the vocabulary; otherwise tokens drawn per position
     * @param temperature of both laws
     * @param share of distillation rows in a batch; the rest is pre-training text
     * @param noise share of the answers' tokens that the draft is shown as others: less is learnt by heart of few answers
     */
    public record Distill(
            @Key("aligned") String name,
            @Key("pretrained") String start,
            @Key("online") Laws laws,
            @Key("all") Answered answers,
            Optional<Adapter> adapter,
            @Key("false") boolean frozen,
            OnPolicy onPolicy,
            @Key("tvd++") Loss loss,
            @Key("batch") Scope scope,
            @Key(value = "0", min = 0) int samples,
            @Key(value = "1", min = 0.01) double temperature,
            @Key("kl") Loss warmupLoss,
            @Key(value = "0", min = 0) long warmupSteps,
            @Key(value = "0.9", min = 0.01, max = 1) double share,
            @Key(value = "0", min = 0, max = 0.9) double noise,
            Training training) {
        /** The draft's name before any alignment. */
        public static final String PRETRAINED = "pretrained";

        public Distill {
            require(
                    laws == Laws.ONLINE || onPolicy.share() == 0,
                    Binder.spelling(laws) + " laws with on_policy.share " + onPolicy.share(),
                    "online laws: nobody has stored what the draft will write");
            require(
                    laws != Laws.NONE || loss == Loss.CE || loss == Loss.TVD,
                    "laws none with loss " + Binder.spelling(loss),
                    "loss ce or tvd: all others compare laws");
            require(
                    laws != Laws.NONE || warmupSteps == 0 || loss == Loss.TVD && warmupLoss == Loss.CE,
                    "laws none with warmup_steps, and from " + Binder.spelling(warmupLoss) + " to "
                            + Binder.spelling(loss),
                    "warmup_loss ce for loss tvd, or no warmup_steps");
            require(
                    laws != Laws.ONLINE || noise == 0,
                    "online laws with noise " + noise,
                    "noise 0: the target would read it too");
            require(
                    laws == Laws.ONLINE || temperature == 1,
                    Binder.spelling(laws) + " laws at temperature " + temperature,
                    "temperature 1");
        }

        /** As {@link Training#essence()}; what it is called is no part of it either. */
        public Distill essence() {
            return new Distill(
                    "",
                    start,
                    laws,
                    answers,
                    adapter,
                    frozen,
                    onPolicy,
                    loss,
                    scope,
                    samples,
                    temperature,
                    warmupLoss,
                    warmupSteps,
                    share,
                    noise,
                    training.essence());
        }
    }

    /** Type that exported weights are stored in. */
    public enum Stored {
        F32,
        BF16,
        F16
    }

    /**
     * @param gguf types in which the drafts are written as GGUF as well; tokenizers trained here have no place in
     *     one, as llama.cpp ranks pieces and not merges
     * @param padVocabulary rows that the drafts are given in the GGUFs and in directories of their own
     *     (draft-NAME-padded), as many as the target's servers ask for; 0: the target's
     */
    public record Export(
            @Key("bf16") Stored dtype,
            @Key("[]") List<GgufStored> gguf,
            @Key(value = "0", min = 0) int padVocabulary) {}

    /** Types of matrices in a GGUF. */
    public enum GgufStored {
        BF16,
        F32,
        F16,
        Q8_0
    }

    /**
     * @param gammas draft lengths
     * @param temperatures 0 is greedy
     * @param prompts how many prompts of each task
     * @param suites name of a suite to its file of prompts, in any form of conversations; none: the run's held-out prompts
     * @param drafters who is measured, in this order: {@code lookup}, {@code bigram}, {@code 1-gram}, {@code 3-gram} to
     *     {@code 5-gram}, {@code ngram} (the longest the table has), {@code tables} (look-up and every n-gram, whichever is worth more), {@code combined}
     *     (these and a draft), {@code mixed} (the mean of the longest n-gram's law and a draft's), {@code pretrained}, alignments, {@code drafts}; none: bigram, pretrained and every
     *     alignment
     * @param drafts name of a draft from elsewhere to its path
     * @param combine the draft that {@code combined} uses beside look-up and table; by default the last alignment
     * @param mix the drafts that {@code mixed} takes the mean of, with the table; by default the one of {@code combine}
     * @param weights what drafts are held in
     * @param pairs a draft that sees to one that is like it but does not: what the pictures are worth is their difference
     */
    public record Evaluate(
            @Key(value = "[1, 2, 3, 4, 5, 6, 7, 8]", min = 1, max = Decoder.MAX_GAMMA)
            List<Integer> gammas,

            @Key(value = "[0, 1]", min = 0) List<Double> temperatures,
            @Key(value = "1", min = 0.01, max = 1) double topP,
            @Key(value = "16", min = 1) int prompts,
            @Key(value = "128", min = 2) int maxTokens,
            @Key("{}") Map<String, String> suites,
            @Key("[]") List<String> drafters,
            @Key("{}") Map<String, String> drafts,
            Optional<String> combine,
            @Key("[]") List<String> mix,
            @Key("stored") Weights weights,
            @Key("{}") Map<String, String> pairs) {
        /** Drafters without a network of their own to train, and what is made of several. */
        public static final List<String> NO_NETWORK = List.of(
                "lookup", "1-gram", "bigram", "3-gram", "4-gram", "5-gram", "ngram", "tables", "combined", "mixed");

        public Evaluate {
            require(!gammas.isEmpty(), "no evaluate.gammas", "at least one");
            require(!temperatures.isEmpty(), "no evaluate.temperatures", "at least one");
        }
    }
}
