package dev.outrider.data;

import dev.outrider.checkpoints.ClipConfig;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Gelu;
import dev.outrider.checkpoints.ImageAspect;
import dev.outrider.checkpoints.ImagePreprocessing;
import dev.outrider.checkpoints.LlavaFiles;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Models;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.SeeingModels;
import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.random.RandomGenerator;

/** A LLaVA of a few thousand random weights, with tower, tokenizer, preprocessing and chat template. */
public final class SeeingTarget {
    public static final int CONTEXT = 96, SIDE = 12;
    public static final ClipConfig TOWER = new ClipConfig(SIDE, 4, 3, 16, 24, 3, 2, 1e-5, Gelu.QUICK, DType.F32);
    public static final String TEMPLATE = "{% for m in messages %}{{ '<' + m.role + '>' + m.content }}"
            + "{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"
            + "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}";

    private SeeingTarget() {}

    public static Path write(Path folder) {
        return write(folder, 23);
    }

    public static Path write(Path folder, long seed) {
        RandomGenerator random = Seeds.generator(seed);
        Tokenizer tokenizer = TestTokenizer.train();
        // A row more than the tokenizer has, for the picture.
        int vocabulary = tokenizer.size() + 1;
        ModelConfig language =
                ModelConfig.draft(vocabulary, 16, 40, 2, 2, CONTEXT, tokenizer.bosId(), tokenizer.eosId());
        VisionConfig vision = new VisionConfig(
                TOWER.hiddenSize(),
                16,
                2,
                Gelu.EXACT,
                true,
                -2,
                false,
                vocabulary - 1,
                ImageAspect.SQUARE,
                1,
                Optional.empty());
        LlavaFiles.write(
                folder,
                language,
                Models.tensors(language, random),
                new LlavaFiles.Eyes(
                        vision,
                        SeeingModels.projector(vision, random),
                        Optional.of(new LlavaFiles.TowerTensors(TOWER, SeeingModels.tensors(TOWER, random)))),
                DType.F32,
                Optional.of(tokenizer),
                Optional.empty());
        try {
            ImagePreprocessing.clip(SIDE).write(folder);
            Files.writeString(folder.resolve("chat_template.jinja"), TEMPLATE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return folder;
    }
}
