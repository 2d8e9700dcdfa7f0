package dev.outrider.data.answers;

import com.sun.management.OperatingSystemMXBean;
import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.ClipConfig;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Vision;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.SharedTokenizer;
import dev.outrider.data.SparkFailures;
import dev.outrider.data.image.PictureKind;
import dev.outrider.data.image.PictureManifest;
import dev.outrider.data.image.TowerReading;
import dev.outrider.data.shard.Hashes;
import dev.outrider.decode.model.LlamaBatch;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.apache.spark.api.java.JavaFutureAction;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.util.LongAccumulator;

/**
 * The target answers prompts, so that a draft learns from the target's own words (arXiv 2404.08856, stage 2).
 * Spark tasks write parts, whole or not at all; a run continues what an earlier one left, and a kill loses
 * the parts in work. What an answer says depends on the target, the prompt, the settings, the number of
 * slots and the seed, never on the partitioning. A process answers in one batch with all its threads:
 * weights are read once for all slots, and a picture's features are made once for all prompts about it. The output
 * folder, the target's path and where pictures are must be seen by every executor.
 */
public final class Answers {
    private static final long POLL_MILLIS = 200;

    /** Caches may take one part in so many of the memory. */
    private static final long CACHES_SHARE = 4;

    /** And features of pictures one in so many. */
    private static final long FEATURES_SHARE = 8;

    private final SparkSession spark;
    private final AnswerSpec spec;
    private final Progress progress;
    private final AnswerPlan plan;
    private final List<Part> waiting;
    private final SharedTokenizer tokenizer;
    private final AnswerEyes eyes;
    private final LongAccumulator towerRuns;
    private final long started = System.nanoTime();
    private long asked, success, errors, skipped, found, tokens, tokensFound;

    private Answers(SparkSession spark, AnswerSpec spec, Progress progress, SharedTarget target) {
        this.spark = spark;
        this.spec = spec;
        this.progress = progress;
        List<Prompt> prompts = spec.prompts().read(spark);
        Tokenizer own = target.checkpoint().requireTokenizer();
        this.tokenizer = SharedTokenizer.share(spec.target(), own);
        this.eyes = eyes(prompts, target.checkpoint());
        this.towerRuns = spark.sparkContext().longAccumulator("tower runs");
        this.plan = plan(prompts, target.checkpoint(), own);
        this.waiting = new ArrayList<>(Part.of(prompts, spec.promptsPerPart()));
        this.asked = Question.all(prompts, plan).size();
    }

    /**
     * Answers every prompt at every temperature, or what is missing of it.
     *
     * @throws Failure USAGE if the folder holds answers of another job, DATA for bad prompts or a bad target
     */
    public static AnswerReport generate(SparkSession spark, AnswerSpec spec, Progress progress) {
        return generate(spark, spec, progress, () -> {});
    }

    /** As {@link #generate}, after {@code otherwise} where the folder holds answers of another job. */
    public static AnswerReport generate(SparkSession spark, AnswerSpec spec, Progress progress, Runnable otherwise) {
        return SparkFailures.unwrapped(() -> {
            try (SharedTarget target =
                    SharedTarget.open(spec.target(), spec.eyes().tower(), spec.weights())) {
                return new Answers(spark, spec, progress, target).run(otherwise);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    /** Hands over all answers of a finished folder, in order; Failure DATA if parts are missing. */
    public static void read(Path output, Consumer<Answer> each) {
        int parts = AnswerPlan.read(output).parts();
        for (int i = 0; i < parts; i++) Part.require(output, i).forEach(each);
    }

    private AnswerPlan plan(List<Prompt> prompts, Checkpoint target, Tokenizer own) {
        if (spec.context() > target.config().maxPositions()) {
            throw Failure.usage(
                    "answers",
                    "a context of " + spec.context() + " tokens",
                    "at most the target's " + target.config().maxPositions(),
                    "Lower the context.");
        }
        return new AnswerPlan(
                AnswerPlan.SCHEMA,
                target.hash(),
                own.hash(),
                target.config().vocabSize(),
                AnswerTask.ends(target.config(), own),
                hash(prompts),
                prompts.size(),
                spec.temperatures(),
                spec.topP(),
                spec.samples(),
                spec.maxTokens(),
                spec.context(),
                spec.seed(),
                spec.promptsPerPart(),
                slots(target.config()),
                spec.topK(),
                eyes.open() ? eyesHash(target.vision().orElseThrow()) : "",
                spec.weights());
    }

    /** The spec's, with the number of pictures to keep; refused where prompts have pictures that nobody sees. */
    private AnswerEyes eyes(List<Prompt> prompts, Checkpoint target) {
        AnswerEyes given = spec.eyes();
        long pictures =
                prompts.stream().flatMap(p -> p.pictures().stream()).distinct().count();
        if (pictures > 0 && !given.open()) throw blind(prompts);
        if (!given.open()) return given;
        Vision vision = target.vision().orElseThrow(() -> sightless(spec.target()));
        ClipConfig tower = vision.tower().config();
        long bytes = (tower.patches() + 1L) * tower.hiddenSize() * Float.BYTES;
        int kept = given.kept() > 0 ? given.kept() : Math.clamp(memory() / FEATURES_SHARE / bytes, 1, 1 << 20);
        return new AnswerEyes(
                given.folders().stream().map(Answers::absolute).toList(),
                given.store().isEmpty() ? "" : absolute(given.store()),
                given.tower().isEmpty() ? "" : absolute(given.tower()),
                (int) Math.clamp(kept, 1, Math.max(1, pictures)));
    }

    private static Failure blind(List<Prompt> prompts) {
        Prompt first = prompts.stream()
                .filter(p -> !p.pictures().isEmpty())
                .findFirst()
                .orElseThrow();
        return Failure.usage(
                "answers",
                "prompt " + first.id() + " about " + first.pictures() + ", but no folder of images",
                "folders or a store with the images of the prompts",
                "Name them.");
    }

    private static Failure sightless(Path target) {
        return Failure.usage(
                target.toString(),
                "a target that reads text alone, and images for it",
                "a LLaVA, or no images",
                "Correct the setting.");
    }

    private static String absolute(String name) {
        return Path.of(name).toAbsolutePath().toString();
    }

    // What a picture becomes for the target: the tower, how it reads, and whether its features were rounded in a store.
    private String eyesHash(Vision vision) {
        boolean features = !eyes.store().isEmpty()
                && PictureManifest.read(Path.of(eyes.store())).kind() == PictureKind.FEATURES;
        return Hashes.of(TowerReading.of(vision).hash() + (features ? " rounded" : ""));
    }

    // What a folder was begun with, it is continued with, on whatever machine.
    private int slots(ModelConfig config) {
        if (spec.slots() > 0) return spec.slots();
        if (Files.exists(spec.output().resolve(AnswerPlan.NAME)))
            return AnswerPlan.read(spec.output()).slots();
        long fitting = memory() / CACHES_SHARE / LlamaBatch.cacheBytes(config, spec.context());
        return Math.clamp(fitting, 1, AnswerSpec.SLOTS);
    }

    private static long memory() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getTotalMemorySize();
    }

    private static String hash(List<Prompt> prompts) {
        MessageDigest digest = Hashes.sha256();
        for (Prompt p : prompts) {
            for (String s : List.of(p.id(), p.task(), p.text()))
                digest.update(Hashes.of(s).getBytes());
            if (p.ids() != null)
                digest.update(Hashes.of(Arrays.toString(p.ids())).getBytes());
            for (String picture : p.pictures()) digest.update(Hashes.of(picture).getBytes());
        }
        return Hashes.hex(digest);
    }

    private AnswerReport run(Runnable otherwise) throws IOException {
        plan.begin(spec.output(), waiting, otherwise);
        Files.createDirectories(spec.output().resolve(Part.FOLDER));
        count();
        found = done();
        tokensFound = tokens;
        hear();
        if (!waiting.isEmpty()) generate();
        count();
        hear();
        requireAll();
        return new AnswerReport(
                spec.output(),
                asked,
                success,
                errors,
                skipped,
                found,
                tokens,
                (System.nanoTime() - started) * 1e-9,
                towerRuns.value());
    }

    private void generate() {
        var context = JavaSparkContext.fromSparkContext(spark.sparkContext());
        int cluster = context.defaultParallelism();
        int processes = Math.max(1, cluster / context.getConf().getInt("spark.executor.cores", cluster));
        LongAccumulator runs = towerRuns;
        var task = new AnswerTask(
                plan,
                spec.target().toAbsolutePath().toString(),
                tokenizer,
                spec.output().toAbsolutePath().toString(),
                spec.threads(),
                eyes,
                count -> runs.add(count));
        int slices = Math.min(waiting.size(), processes);
        await(context.parallelize(new ArrayList<>(waiting), slices).foreachPartitionAsync(task::run));
    }

    private void await(JavaFutureAction<Void> job) {
        while (true) {
            try {
                job.get(POLL_MILLIS, TimeUnit.MILLISECONDS);
                return;
            } catch (TimeoutException e) {
                count();
                hear();
            } catch (InterruptedException e) {
                job.cancel(true);
                Thread.currentThread().interrupt();
                throw Failure.of(
                        Failure.Kind.INTERRUPTED,
                        "Interrupted after " + done() + " of " + asked + " answers in " + spec.output()
                                + "; the same command goes on from there.");
            } catch (ExecutionException e) {
                throw SparkFailures.unwrap(e.getCause());
            }
        }
    }

    // Adds what newly finished parts hold.
    private void count() {
        waiting.removeIf(
                part -> part.whole(spec.output(), plan).map(this::count).orElse(false));
    }

    // What an earlier run left is done, but none of this run's rate.
    private void hear() {
        progress.heard(done(), asked, (tokens - tokensFound) / ((System.nanoTime() - started) * 1e-9));
    }

    private boolean count(List<Answer> answers) {
        for (Answer answer : answers) {
            if (answer.skipped()) skipped++;
            else if (answer.failed()) errors++;
            else success++;
            tokens += answer.answerIds().length;
        }
        return true;
    }

    private long done() {
        return success + errors + skipped;
    }

    private void requireAll() {
        if (done() == asked && waiting.isEmpty()) return;
        throw new IllegalStateException(success + " answers, " + errors + " errors and " + skipped + " skipped of "
                + asked + "; parts " + waiting.stream().map(Part::index).toList() + " missing");
    }
}
