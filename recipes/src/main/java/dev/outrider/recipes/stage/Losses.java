package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.Failure;
import dev.outrider.data.shard.Shards;
import dev.outrider.data.shard.Shuffle;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Llama;
import dev.outrider.recipes.Recipe.Distill;
import dev.outrider.recipes.Recipe.Loss;
import dev.outrider.recipes.Recipe.Training;
import dev.outrider.trainer.Source;
import dev.outrider.trainer.TargetTeacher;
import dev.outrider.trainer.Teacher;
import dev.outrider.trainer.Validation;
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
import java.nio.file.Path;

/** From a recipe's words to sources, losses and validations. */
final class Losses {
    /** How fast LK-hybrid leaves KL for TVD (LK Losses, arXiv 2602.23881). */
    private static final double LK_ETA = 3;

    private Losses() {}

    /** Next-token loss on text. */
    static Source text(Shards shards, long seed, CpuDevice device, double share) {
        return new Source("text", rows(shards, seed), new CrossEntropy(device.threads()), share);
    }

    static Validation textValidation(Shards valid, Training training, CpuDevice device) {
        return new Validation(valid, new CrossEntropy(device.threads()), training.validationRows(), passes(training));
    }

    /** The recipe's divergence on answers, with the target as teacher. */
    static Source distillation(Shards answers, Distill distill, Teacher teacher, long seed, CpuDevice device) {
        Divergence loss = divergence(distill.loss(), distill, seed);
        if (distill.warmupSteps() > 0) {
            loss = new Divergence.Warmup(divergence(distill.warmupLoss(), distill, seed), loss, distill.warmupSteps());
        }
        Distillation distillation = new Distillation(device, teacher, loss, distill.temperature());
        return new Source("answers", rows(answers, seed), distillation, distill.share());
    }

    /** TVD on held-out answers: 1 - α, whatever is being minimised. */
    static Validation answerValidation(Shards valid, Distill distill, Teacher teacher, CpuDevice device) {
        return new Validation(
                valid,
                new Distillation(device, teacher, new TotalVariation(), 1),
                distill.training().validationRows(),
                passes(distill.training()));
    }

    /** The target, ready to read rows of {@code length} tokens. */
    static Teacher teacher(Path target, CpuDevice device, int length) {
        Llama llama = Llama.open(target, device, length);
        return new TargetTeacher(llama, device);
    }

    private static Source.Rows rows(Shards shards, long seed) {
        if (shards.rows() == 0) {
            throw Failure.data("shards", "no rows", "at least one", "Give more text or prompts, or filter less.");
        }
        return Source.Rows.of(shards, new Shuffle(shards.rows(), seed));
    }

    private static int passes(Training t) {
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
