package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.Failure;
import dev.outrider.data.shard.Shards;
import dev.outrider.data.shard.Shuffle;
import dev.outrider.data.shard.TokenCounts;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.Llava;
import dev.outrider.decode.model.Sight;
import dev.outrider.decode.model.WeightType;
import dev.outrider.decode.speculate.Sampling;
import dev.outrider.recipes.Recipe.Distill;
import dev.outrider.recipes.Recipe.Laws;
import dev.outrider.recipes.Recipe.Loss;
import dev.outrider.recipes.Recipe.Training;
import dev.outrider.recipes.Run;
import dev.outrider.trainer.NoisyRows;
import dev.outrider.trainer.OnPolicy;
import dev.outrider.trainer.RowPictures;
import dev.outrider.trainer.Source;
import dev.outrider.trainer.TargetTeacher;
import dev.outrider.trainer.Teacher;
import dev.outrider.trainer.Validation;
import dev.outrider.trainer.layer.LlamaGraph;
import dev.outrider.trainer.loss.AcceptanceHybrid;
import dev.outrider.trainer.loss.CrossEntropy;
import dev.outrider.trainer.loss.Distillation;
import dev.outrider.trainer.loss.Divergence;
import dev.outrider.trainer.loss.ForwardKl;
import dev.outrider.trainer.loss.JensenShannon;
import dev.outrider.trainer.loss.LabelCrossEntropy;
import dev.outrider.trainer.loss.ReverseKl;
import dev.outrider.trainer.loss.TotalVariation;
import dev.outrider.trainer.loss.TotalVariationPlus;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/** From a recipe's words to sources, losses and validations: of text, and of one alignment. */
final class Losses implements AutoCloseable {
    /** How fast LK-hybrid leaves KL for TVD (LK Losses, arXiv 2602.23881). */
    private static final double LK_ETA = 3;

    private static final int ON_POLICY_SLOTS = 32;

    private final Distill alignment;
    private final CpuDevice device;
    private final long seed;
    private final Optional<Teacher> teacher;
    private final Optional<Pictures> pictures;
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();

    private Losses(
            Distill alignment, CpuDevice device, long seed, Optional<Teacher> teacher, Optional<Pictures> pictures) {
        this.alignment = alignment;
        this.device = device;
        this.seed = seed;
        this.teacher = teacher;
        this.pictures = pictures;
        teacher.ifPresent(opened::push);
    }

    /**
     * An alignment's, with the target ready to read these rows where its laws are computed online.
     *
     * @param rows to learn from and to validate on
     * @param pictures of the target, where it sees and the rows have some
     * @param sight that target and draft look at these rows' pictures through
     */
    static Losses of(
            Run run,
            Distill alignment,
            CpuDevice device,
            List<Shards> rows,
            Optional<Pictures> pictures,
            Optional<Sight> sight) {
        Optional<Teacher> teacher = alignment.laws() == Laws.ONLINE
                ? Optional.of(teacher(run, device, rows, pictures, sight))
                : Optional.empty();
        return new Losses(alignment, device, run.recipe().seed(), teacher, pictures);
    }

    private static Teacher teacher(
            Run run, CpuDevice device, List<Shards> rows, Optional<Pictures> pictures, Optional<Sight> sight) {
        WeightType held = Models.held(run.recipe().target().weights());
        if (pictures.isEmpty()) {
            return new TargetTeacher(Llama.open(Models.target(run), device, RowChoice.longest(rows, 0), held), device);
        }
        int longest = RowChoice.longest(rows, pictures.get().rows());
        Llama language =
                Llama.open(Models.target(run), device, Math.min(longest, Models.positions(Models.target(run))), held);
        return new TargetTeacher(new Llava(device, language, pictures.get().vision(), sight.orElseThrow()), device);
    }

    /** Next-token loss on text. */
    static Source text(Shards shards, long seed, CpuDevice device, double share, LlamaGraph graph) {
        return new Source("text", rows(shards, seed), new CrossEntropy(device.threads(), graph.outputs()), share);
    }

    static Validation textValidation(Shards valid, Training training, CpuDevice device, LlamaGraph graph) {
        return new Validation(
                valid,
                new CrossEntropy(device.threads(), graph.outputs()),
                training.validationRows(),
                passes(training));
    }

    /** The alignment's divergence on answers, a share of which the draft may write itself; without laws, their tokens. */
    Source distillation(Shards answers, LlamaGraph graph) {
        if (alignment.laws() == Laws.NONE) {
            long certainFrom = alignment.loss() == Loss.TVD ? alignment.warmupSteps() : Long.MAX_VALUE;
            CrossEntropy loss = new CrossEntropy(device.threads(), graph.outputs(), certainFrom);
            return new Source("answers", answers(answers, graph), loss, alignment.share());
        }
        Divergence loss = divergence(alignment.loss(), alignment, seed);
        if (alignment.warmupSteps() > 0) {
            loss = new Divergence.Warmup(
                    divergence(alignment.warmupLoss(), alignment, seed), loss, alignment.warmupSteps());
        }
        Distillation distillation = under(loss, alignment.temperature(), graph);
        return new Source("answers", onPolicy(answers(answers, graph), graph), distillation, alignment.share());
    }

    /** The chosen answers, noisy where the alignment asks for it. */
    private Source.Rows answers(Shards answers, LlamaGraph graph) {
        Source.Rows rows = RowChoice.of(answers, alignment.answers()).shuffled(seed, pictures(graph));
        return alignment.noise() == 0 ? rows : new NoisyRows(rows, alignment.noise(), seed + 4);
    }

    private RowPictures pictures(LlamaGraph graph) {
        return new RowPictures(
                id -> pictures.orElseThrow().kept(id),
                graph.pictureRows(),
                graph.config().maxPositions());
    }

    private Source.Rows onPolicy(Source.Rows rows, LlamaGraph graph) {
        var own = alignment.onPolicy();
        if (own.share() == 0) return rows;
        int step = (int) Math.ceil(alignment.training().batch() * alignment.share());
        OnPolicy written = new OnPolicy(
                graph,
                device,
                rows,
                new OnPolicy.Settings(
                        own.share(),
                        OnPolicy.Start.WITHIN,
                        own.temperature() == 0 ? Sampling.GREEDY : Sampling.temperature(own.temperature()),
                        own.maxTokens(),
                        Math.toIntExact(own.refresh() * step),
                        ON_POLICY_SLOTS,
                        seed + 3),
                id -> pictures.orElseThrow().kept(id));
        opened.push(written);
        return written;
    }

    private Distillation under(Divergence loss, double temperature, LlamaGraph graph) {
        return teacher.map(t -> new Distillation(device, t, loss, temperature, graph.outputs()))
                .orElseGet(() ->
                        Distillation.stored(device, graph.config().vocabSize(), loss, temperature, graph.outputs()));
    }

    private CrossEntropy said(LlamaGraph graph) {
        return new CrossEntropy(device.threads(), graph.outputs());
    }

    /** TVD on held-out answers: 1 - α, whatever is being minimised. Without laws the loss itself. */
    Validation validation(Shards valid, LlamaGraph graph) {
        RowChoice chosen = RowChoice.of(valid, alignment.answers());
        return new Validation(
                chosen.inOrder(pictures(graph)),
                chosen.rows().length,
                alignment.laws() == Laws.NONE ? said(graph) : under(new TotalVariation(), 1, graph),
                alignment.training().validationRows(),
                passes(alignment.training()));
    }

    /** What of the draft its rows never touch. */
    static String use(Shards answers, Checkpoint draft) {
        TokenCounts counts = TokenCounts.of(answers);
        return draft.outputs().map(counts::use).orElseGet(counts::use).line();
    }

    @Override
    public void close() {
        while (!opened.isEmpty()) {
            try {
                opened.pop().close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }

    private static Source.Rows rows(Shards shards, long seed) {
        if (shards.rows() == 0) {
            throw Failure.data("shards", "no rows", "at least one", "Give more text or prompts, or filter less.");
        }
        return Source.Rows.of(shards, new Shuffle(shards.rows(), seed));
    }

    static int passes(Training t) {
        return t.microBatch() == 0 ? t.batch() : t.microBatch();
    }

    private static Divergence.PerPosition divergence(Loss loss, Distill distill, long seed) {
        return switch (loss) {
            case CE -> new LabelCrossEntropy();
            case KL -> new ForwardKl();
            case REVERSE_KL -> new ReverseKl();
            case JSD -> new JensenShannon();
            case TVD -> new TotalVariation();
            case TVDPP ->
                new TotalVariationPlus(Divergence.Scope.valueOf(distill.scope().name()), estimator(distill, seed));
            case LK -> new AcceptanceHybrid(LK_ETA);
        };
    }

    private static TotalVariationPlus.Estimator estimator(Distill distill, long seed) {
        return distill.samples() == 0
                ? new TotalVariationPlus.Exact()
                : new TotalVariationPlus.Sampled(distill.samples(), seed);
    }
}
