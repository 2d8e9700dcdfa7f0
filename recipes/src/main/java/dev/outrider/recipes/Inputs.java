package dev.outrider.recipes;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.ChatTemplate;
import dev.outrider.checkpoints.tokenizer.GgufTokens;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.checkpoints.tokenizer.Tokenizers;
import dev.outrider.data.answers.Prompts;
import dev.outrider.decode.speculate.Compatibility;
import dev.outrider.recipes.Recipe.Draft;
import dev.outrider.recipes.Recipe.Format;
import dev.outrider.trainer.layer.LayerCut;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What a recipe takes from elsewhere, looked at before hours are spent: target, text, prompts, suites, drafts, and
 * whether the recipe's wishes fit them.
 */
final class Inputs {
    private static final String ELSEWHERE = ".*[:*?{\\[].*"; // other file systems, globs: Spark's to find

    private final Recipe recipe;
    private final Problems problems = new Problems();

    private final List<String> stages;

    private Inputs(RecipeFile file, List<Stage> stages) {
        this.recipe = file.recipe();
        this.stages = stages.stream().map(Stage::name).toList();
    }

    /**
     * @param stages those that are still to be run
     * @throws Failure USAGE naming everything that is absent or does not fit, DATA for a damaged target
     */
    static void check(RecipeFile file, List<Stage> stages) {
        Inputs inputs = new Inputs(file, stages);
        inputs.target();
        inputs.files();
        inputs.problems.throwIfAny(file.file().toString());
    }

    /**
     * What a plan says of texts, prompts and drafts that are not there yet.
     *
     * @throws Failure for a target that is absent, damaged or does not fit: without it there are no shapes to plan with
     */
    static List<String> absent(RecipeFile file, List<Stage> stages) {
        Inputs inputs = new Inputs(file, stages);
        inputs.target();
        inputs.problems.throwIfAny(file.file().toString());
        inputs.files();
        return inputs.problems.list();
    }

    private boolean toDo(String... names) {
        return Stream.of(names).anyMatch(stages::contains);
    }

    private boolean aligns() {
        return recipe.allAlignments().stream().map(recipe::place).anyMatch(stages::contains);
    }

    /** What drafts have to share with the target. */
    private record Language(Path target, Tokenizer tokenizer, int rows) {}

    private void target() {
        if (stages.isEmpty()) return;
        recipe.target().checkpoint().ifPresent(this::checkpoint);
        recipe.target().tokenizer().ifPresent(this::tokenizer);
    }

    private void checkpoint(Path given) {
        if (!Files.exists(given)) {
            absent("target.checkpoint", given, "a Hugging Face directory, a GGUF or a llama2.c file");
            return;
        }
        try (Checkpoint target = Checkpoint.open(given)) {
            Language language = new Language(
                    given, target.requireTokenizer(), target.config().vocabSize());
            eyes(target);
            room(target);
            layers(target);
            draft(language);
            exports(language);
        }
    }

    private void tokenizer(Path given) {
        Optional<Tokenizer> found = Files.isDirectory(given) ? Tokenizers.open(given) : Optional.empty();
        if (found.isEmpty()) {
            absent("target.tokenizer", given, "a folder with tokenizer.json or tokenizer.model");
            return;
        }
        Language language = new Language(given, found.get(), found.get().size());
        draft(language);
        exports(language);
    }

    private void eyes(Checkpoint target) {
        if (!recipe.looks()) return;
        if (target.vision().isEmpty()) {
            problems.add(
                    "target.checkpoint",
                    target.path() + ", a model that cannot see",
                    "a LLaVA, for a recipe with pictures",
                    "Give a target that sees, or leave pictures, adapters and answers: seen out.");
            return;
        }
        Optional<Path> tower = recipe.tower().flatMap(Recipe.Tower::checkpoint);
        if (tower.isPresent() && !Files.exists(tower.get())) {
            absent("tower.checkpoint", tower.get(), "the directory of the target's tower");
        } else {
            fits(() -> {
                tower.ifPresent(target.vision().get()::attach);
                target.vision().get().tower();
            });
        }
    }

    private void room(Checkpoint target) {
        int room = target.config().maxPositions(), length = recipe.text().length();
        if (room >= length || !aligns()) return;
        problems.add("text.length", "" + length, "at most " + room + ", the target's positions", "Shorten the rows.");
    }

    private void layers(Checkpoint target) {
        if (!toDo("pretrain")) return;
        Draft draft = recipe.draft();
        List<Integer> layers = draft.copying() > 0 ? LayerCut.first(draft.copying()) : draft.cut();
        if (!layers.isEmpty()) fits(() -> new LayerCut(target, layers));
    }

    private void draft(Language target) {
        if (toDo("evaluate", "calibrate")) drafts().filter(Files::exists).forEach(path -> sameTokens(path, target));
        if (!toDo("pretrain")) return;
        Draft draft = recipe.draft();
        if (draft.vocabulary() >= target.rows()) {
            problems.add(
                    "draft.vocabulary",
                    "" + draft.vocabulary(),
                    "fewer than the target's " + target.rows() + " tokens",
                    "Leave it out where all are to be said.");
        }
        draft.start().filter(Files::exists).ifPresent(path -> sameTokens(path, target));
    }

    private void exports(Language target) {
        if (!toDo("export")) return;
        if (!recipe.export().gguf().isEmpty()) fits(() -> GgufTokens.of(target.tokenizer()));
        int rows = recipe.export().padVocabulary();
        if (rows > 0 && rows < target.rows()) {
            problems.add(
                    "export.pad_vocabulary",
                    "" + rows,
                    "at least the target's " + target.rows(),
                    "Give the number of rows that servers ask for.");
        }
    }

    private Stream<Path> drafts() {
        return recipe.evaluate().drafts().values().stream().map(Path::of);
    }

    private void sameTokens(Path path, Language target) {
        fits(() -> {
            try (Checkpoint draft = Checkpoint.open(path)) {
                Compatibility.require(
                        path.toString(),
                        draft.requireTokenizer(),
                        target.target().toString(),
                        target.tokenizer());
                int rows = draft.config().vocabSize();
                if (rows == target.rows()) return;
                problems.add(
                        path.toString(), rows + " rows", "the target's " + target.rows(), "Take one without padding.");
            }
        });
    }

    private void fits(Runnable check) {
        try {
            check.run();
        } catch (Failure e) {
            problems.add(e);
        }
    }

    private void files() {
        if (toDo("data")) text();
        if (recipe.looks() && toDo("pictures", "evaluate")) {
            recipe.pictures().folders().forEach(folder -> exists("pictures.folders", folder, "a folder of pictures"));
        }
        if (toDo("corpus")) {
            recipe.pictures()
                    .dialogues()
                    .forEach(file -> exists("pictures.dialogues", file, "a file of conversations"));
        }
        if (toDo("prompts")) prompts();
        if (toDo("data", "generate")) {
            recipe.generate()
                    .recorded()
                    .forEach(path -> exists("generate.recorded", path, "a file of recorded answers"));
        }
        if (toDo("prompts", "evaluate")) {
            recipe.evaluate()
                    .suites()
                    .forEach((name, file) -> exists("evaluate.suites." + name, Path.of(file), "a file of prompts"));
        }
        if (toDo("pretrain")) recipe.draft().start().ifPresent(p -> exists("draft.start", p, "a draft"));
        if (toDo("evaluate", "calibrate")) drafts().forEach(p -> exists("evaluate.drafts", p, "a draft"));
        if (templateNeeded()) template();
    }

    private void text() {
        if (recipe.world().isPresent() || recipe.text().written() > 0) return;
        for (Path path : recipe.text().inputs()) {
            if (!path.toString().matches(ELSEWHERE)) exists("text.inputs", path, "a file or folder of text");
        }
    }

    private void prompts() {
        List<Path> files = recipe.generate().prompts();
        boolean own = recipe.generate().openings() > 0
                || recipe.generate().written() > 0
                || recipe.generate().passages().isPresent();
        if (files.isEmpty()
                && recipe.world().isEmpty()
                && recipe.pictures().dialogues().isEmpty()
                && !own) {
            problems.add(
                    "generate.prompts",
                    "none",
                    "files of prompts, generate.written, generate.passages or generate.openings",
                    "Name what the target is to answer.");
        }
        for (Path path : files) exists("generate.prompts", path, "a file of prompts");
        recipe.generate()
                .passages()
                .ifPresent(p -> p.texts().forEach(path -> exists("generate.passages.texts", path, "a file of text")));
    }

    private boolean templateNeeded() {
        boolean text = toDo("data") && recipe.text().format() == Format.CONVERSATIONS;
        boolean recorded = toDo("generate") && !recipe.generate().recorded().isEmpty();
        boolean prompts = toDo("prompts")
                && (recipe.generate().written() > 0
                        || recipe.generate().passages().isPresent()
                        || converse(recipe.generate().prompts().stream()));
        boolean suites = toDo("prompts", "evaluate")
                && converse(recipe.evaluate().suites().values().stream().map(Path::of));
        return text || recorded || prompts || suites;
    }

    private static boolean converse(Stream<Path> files) {
        return files.anyMatch(file -> Files.exists(file) && !Prompts.Jsonl.isForm(file));
    }

    private void template() {
        Optional<String> name = recipe.target().chatTemplate();
        Optional<Path> target = recipe.target().given().filter(Files::exists);
        if (target.isPresent()) {
            fits(() -> ChatTemplate.require(target.get(), name));
        } else if (name.isPresent()) {
            fits(() -> ChatTemplate.named(name.get()));
        } else if (recipe.target().given().isEmpty()) {
            problems.add(
                    "target.template",
                    "own, of a target that is still to be trained",
                    "the name of a template for its conversations",
                    "Choose one of " + String.join(", ", ChatTemplate.names()) + ".");
        }
    }

    private void exists(String key, Path path, String expected) {
        if (!Files.exists(path)) absent(key, path, expected);
    }

    private void absent(String key, Path path, String expected) {
        String from = path.isAbsolute() ? "" : " (seen from " + Path.of("").toAbsolutePath() + ")";
        problems.add(key, "nothing at " + path + from, expected, "Correct the path: " + key + "=..");
    }
}
