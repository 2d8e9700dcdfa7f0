package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.Words;
import dev.outrider.checkpoints.tokenizer.BpeTrainer;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.checkpoints.tokenizer.TokenizerJson;
import dev.outrider.data.answers.AnswerShards;
import dev.outrider.data.conversation.ConversationFiles;
import dev.outrider.data.conversation.ConversationShards;
import dev.outrider.data.conversation.ConversationSpec;
import dev.outrider.data.text.Filters;
import dev.outrider.data.text.NearDuplicates;
import dev.outrider.data.text.Packing;
import dev.outrider.data.text.Source;
import dev.outrider.data.text.TextPipeline;
import dev.outrider.data.text.TextReport;
import dev.outrider.data.text.TextSpec;
import dev.outrider.data.text.WordCounts;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Recipe.Text;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.Stage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Tokenizer, where the target does not bring one, and the shards of the pre-training text. */
public final class DataStage implements Stage {
    private static final int MOST_WORDS = 1_000_000;
    private static final int ROWS_PER_SHARD = 16384;
    private static final int NGRAM = 4;
    private static final int WORDS_ALIKE = 5;

    @Override
    public String name() {
        return "data";
    }

    @Override
    public List<String> needs(Recipe recipe) {
        return List.of("corpus");
    }

    @Override
    public List<Object> settings(Recipe recipe) {
        List<Object> settings = new ArrayList<>(
                List.of(recipe.target().given(), recipe.tokenizer(), recipe.text(), recipe.readsText()));
        if (recipe.text().format() == Recipe.Format.CONVERSATIONS) {
            settings.add(recipe.target().template());
            settings.add(Suites.paths(recipe));
            settings.addAll(GenerateStage.heldOut(recipe));
            settings.addAll(Dialogues.settings(recipe));
        }
        return settings;
    }

    @Override
    public void run(Run run) {
        if (run.recipe().target().given().isEmpty()) trainTokenizer(run);
        if (!run.recipe().readsText()) return;
        if (run.recipe().text().written() > 0) {
            pack(run);
        } else if (run.recipe().text().format() == Recipe.Format.CONVERSATIONS) {
            converse(run);
        } else {
            shard(run);
        }
    }

    /** Conversations in the target's template: the assistant's words are learnt, evaluation prompts left out. */
    private static void converse(Run run) {
        Text t = run.recipe().text();
        boolean trainsSeeing = run.recipe().trainsSeeing();
        var report = ConversationShards.write(
                Spark.session(run),
                new ConversationSpec(
                        ConversationFiles.of(t.inputs().toArray(Path[]::new)),
                        Models.tokenizerPath(run),
                        run.recipe().target().chatTemplate(),
                        Words.LITERAL,
                        run.text(),
                        t.length(),
                        false,
                        true,
                        t.nearDuplicates() < 1
                                ? Optional.of(new NearDuplicates(
                                        t.nearDuplicates(),
                                        WORDS_ALIKE,
                                        run.recipe().seed()))
                                : Optional.empty(),
                        Suites.contamination(run),
                        heldOut(run),
                        !run.recipe().generate().recorded().isEmpty() || trainsSeeing,
                        t.validation(),
                        ROWS_PER_SHARD,
                        run.recipe().seed()));
        run.out().println("conversations: " + report.counts());
        report.examples().forEach((why, example) -> run.out().println("  " + why + ", for example " + example));
        rows(run, report.train().rows(), report.train().tokens(), report.train().sequenceLength());
    }

    /** Neither what recorded answers that are replayed are about, nor pictures that are evaluated on. */
    private static Set<String> heldOut(Run run) {
        return Stream.of(GenerateStage.subjectsHeldOut(run), Dialogues.heldOut(run))
                .flatMap(Set::stream)
                .collect(Collectors.toSet());
    }

    private static void trainTokenizer(Run run) {
        Recipe.Vocabulary wanted = run.recipe().tokenizer();
        Map<String, Long> words = new HashMap<>();
        List<String> paths = new ArrayList<>();
        for (Source source : sources(run)) {
            WordCounts.of(Spark.session(run), source, MOST_WORDS).forEach((word, n) -> words.merge(word, n, Long::sum));
            paths.addAll(source.paths());
        }
        if (words.isEmpty()) {
            throw Failure.data(
                    String.join(", ", paths),
                    "no words",
                    "text to train a tokenizer on",
                    "Check text.inputs and text.format.");
        }
        Tokenizer tokenizer = BpeTrainer.train(words, wanted.size(), wanted.specials());
        AtomicFiles.directory(run.tokenizer(), folder -> TokenizerJson.write(folder, tokenizer));
        run.out().println("tokenizer: " + tokenizer.size() + " pieces");
    }

    private static List<Source> sources(Run run) {
        boolean pictures = run.recipe().trainsSeeing();
        if (run.recipe().world().isPresent() && pictures) {
            return List.of(documents(Corpus.documents(run), Corpus.words(run)));
        }
        List<Source> sources = new ArrayList<>();
        boolean conversations = run.recipe().text().format() == Recipe.Format.CONVERSATIONS;
        // Those that are no dialogues about pictures are among their words too.
        if (pictures) sources.add(documents(Corpus.words(run)));
        if (!conversations) sources.add(source(run));
        return sources;
    }

    private static Source documents(Path... files) {
        return new Source.Jsonl(Stream.of(files).map(Path::toString).toList(), "text");
    }

    private static Source source(Run run) {
        Text text = run.recipe().text();
        if (run.recipe().world().isPresent()) return documents(Corpus.documents(run));
        List<String> paths = text.inputs().stream().map(Path::toString).toList();
        return switch (text.format()) {
            case FILE -> new Source.Text(paths, Source.Unit.FILE);
            case BLOCKS -> new Source.Text(paths, Source.Unit.BLOCK);
            case LINES -> new Source.Text(paths, Source.Unit.LINE);
            case JSONL -> new Source.Jsonl(paths, text.field());
            case PARQUET -> new Source.Parquet(paths, text.field());
            case CONVERSATIONS -> throw new IllegalStateException("conversations are sharded another way");
        };
    }

    private static void shard(Run run) {
        Text t = run.recipe().text();
        TextReport report = TextPipeline.run(
                Spark.session(run),
                new TextSpec(
                        source(run),
                        Models.tokenizerPath(run),
                        run.text(),
                        t.length(),
                        t.joined() ? Packing.JOINED : Packing.SEPARATE,
                        new Filters(
                                Math.max(1, t.minCharacters()),
                                t.maxCharacters(),
                                t.maxRepeatedLines(),
                                NGRAM,
                                t.maxTopNgram(),
                                t.maxTopCharacter()),
                        t.validation(),
                        ROWS_PER_SHARD,
                        run.recipe().seed(),
                        t.specials()));
        run.out().println("documents: " + report.counts());
        rows(run, report.train().rows(), report.train().tokens(), report.train().sequenceLength());
    }

    // Texts that the target wrote are tokens already, and where they end was its own choice.
    private static void pack(Run run) {
        Text t = run.recipe().text();
        var report = AnswerShards.write(
                Spark.session(run),
                new AnswerShards.Spec(
                        CorpusStage.written(run),
                        run.text(),
                        t.length(),
                        Set.of(),
                        t.validation(),
                        ROWS_PER_SHARD,
                        run.recipe().seed()));
        run.out().println("texts: " + report.counts());
        rows(run, report.train().rows(), report.train().tokens(), report.train().sequenceLength());
    }

    static void rows(Run run, long rows, long tokens, int length) {
        run.out().printf("train: %d rows of %d, %d tokens%n", rows, length, tokens);
    }

    @Override
    public List<Path> artefacts(Run run) {
        return List.of(run.tokenizer(), run.text());
    }

    @Override
    public void clean(Run run) {
        Models.delete(run.tokenizer());
        Models.delete(run.text());
    }
}
