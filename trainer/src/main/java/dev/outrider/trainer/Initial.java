package dev.outrider.trainer;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Vision;
import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.decode.device.Device;
import dev.outrider.trainer.layer.FirstAdapter;
import dev.outrider.trainer.layer.LayerCut;
import dev.outrider.trainer.layer.LlamaGraph;
import dev.outrider.trainer.layer.ProjectorCut;
import java.lang.reflect.RecordComponent;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * Where a draft's weights come from before its first step. Going on with a run is something else: {@link
 * Trainer#resume} brings moments and step back as well, and replaces what is made here.
 */
public sealed interface Initial {
    /** The draft's shape, read from files where they decide it. */
    ModelConfig config();

    /** What the draft sees with, if it does. */
    default Optional<VisionConfig> eyes() {
        return Optional.empty();
    }

    /** The draft in training; the caller's to close. One that sees needs {@link LlamaGraph#look} besides. */
    LlamaGraph graph(Device device);

    /**
     * Random weights, the same for the same seed.
     *
     * @param outputs the tokens that the draft is to say; empty: all
     */
    record Scratch(ModelConfig config, long seed, Optional<DraftVocabulary> outputs) implements Initial {
        /** The shape's head is cut to the tokens that are said. */
        public Scratch {
            config = outputs.isEmpty()
                    ? config
                    : config.withOutputs(outputs.get().size());
        }

        public Scratch(ModelConfig config, long seed) {
            this(config, seed, Optional.empty());
        }

        @Override
        public LlamaGraph graph(Device device) {
            return LlamaGraph.create(config, outputs, device, seed);
        }
    }

    /**
     * A warm start: the weights of a checkpoint and nothing else of it, so training begins at step 0 with new
     * moments. A checkpoint that sees makes a draft that does.
     *
     * @param expected what the recipe says of the shape, if it says something
     */
    record From(Path checkpoint, Optional<ModelConfig> expected) implements Initial {
        // How it is stored, and how much of the context is used, is no part of a shape.
        private static final Set<String> FREE = Set.of("dtype", "maxPositions");

        @Override
        public ModelConfig config() {
            try (Checkpoint open = Checkpoint.open(checkpoint)) {
                return checked(open);
            }
        }

        @Override
        public Optional<VisionConfig> eyes() {
            try (Checkpoint open = Checkpoint.open(checkpoint)) {
                return open.vision().map(Vision::config);
            }
        }

        /** @throws Failure USAGE naming everything in which the checkpoint is not the expected shape */
        @Override
        public LlamaGraph graph(Device device) {
            try (Checkpoint open = Checkpoint.open(checkpoint)) {
                checked(open);
                return LlamaGraph.from(open, device);
            }
        }

        private ModelConfig checked(Checkpoint open) {
            ModelConfig found = open.config().storedAs(DType.F32);
            if (expected.isEmpty()) return found;
            List<String> is = new ArrayList<>(), wanted = new ArrayList<>();
            for (RecordComponent part : ModelConfig.class.getRecordComponents()) {
                Object a = value(part, found), b = value(part, expected.get());
                if (FREE.contains(part.getName()) || Objects.equals(a, b)) continue;
                is.add(part.getName() + " " + a);
                wanted.add(part.getName() + " " + b);
            }
            if (is.isEmpty()) return found;
            throw Failure.usage(
                    "checkpoint to start from, " + checkpoint,
                    String.join(", ", is),
                    String.join(", ", wanted) + " by the recipe",
                    "Give the draft the checkpoint's shape, or start from another checkpoint.");
        }

        private static Object value(RecordComponent part, ModelConfig of) {
            try {
                return part.getAccessor().invoke(of);
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    /**
     * Layers taken out of the target, as {@link LayerCut} does it: the usual start of a draft that shares the
     * target's width.
     *
     * @param layers indices from 0, ascending; {@link LayerCut#first}, {@link LayerCut#evenly} and {@link
     *     LayerChoice} make such lists
     * @param outputs the tokens that the draft is to say; empty: all
     */
    record LayersOf(Path target, List<Integer> layers, Optional<DraftVocabulary> outputs) implements Initial {
        public LayersOf {
            layers = List.copyOf(layers);
        }

        public LayersOf(Path target, List<Integer> layers) {
            this(target, layers, Optional.empty());
        }

        @Override
        public ModelConfig config() {
            try (Checkpoint open = Checkpoint.open(target)) {
                return new LayerCut(open, layers, outputs).config();
            }
        }

        @Override
        public LlamaGraph graph(Device device) {
            try (Checkpoint open = Checkpoint.open(target)) {
                return LlamaGraph.from(new LayerCut(open, layers, outputs), device);
            }
        }
    }

    /**
     * Another beginning with an image adapter on top, whose language model is that of the other, bit for bit.
     *
     * @param language of a draft that does not see; what a checkpoint sees with is left out
     * @param vision of the adapter: {@link VisionConfig#adapter} makes it of the target's
     * @param target whose projector is subcloned ({@link ProjectorCut}); empty: the adapter begins at random
     * @param seed of the random adapter
     */
    record Seeing(Initial language, VisionConfig vision, Optional<Path> target, long seed) implements Initial {
        @Override
        public ModelConfig config() {
            return language.config();
        }

        @Override
        public Optional<VisionConfig> eyes() {
            return Optional.of(vision);
        }

        /** @throws Failure USAGE where the adapter is not as wide as the draft, or no part of the target's projector */
        @Override
        public LlamaGraph graph(Device device) {
            checkWidth(config().hiddenSize());
            if (target.isEmpty()) return graph(device, new FirstAdapter.AtRandom(seed));
            try (Checkpoint open = Checkpoint.open(target.get())) {
                return graph(device, new ProjectorCut(open.vision().orElseThrow(() -> blind(target.get())), vision));
            }
        }

        private LlamaGraph graph(Device device, FirstAdapter adapter) {
            return switch (language) {
                case Scratch scratch -> {
                    LlamaGraph graph = LlamaGraph.create(scratch.config, scratch.outputs, vision, device, scratch.seed);
                    graph.begin(adapter);
                    yield graph;
                }
                case From from -> {
                    try (Checkpoint open = Checkpoint.open(from.checkpoint)) {
                        from.checked(open);
                        yield LlamaGraph.from(open, vision, adapter, device);
                    }
                }
                case LayersOf cut -> {
                    try (Checkpoint open = Checkpoint.open(cut.target)) {
                        yield LlamaGraph.from(new LayerCut(open, cut.layers, cut.outputs), vision, adapter, device);
                    }
                }
                case Seeing other -> new Seeing(other.language, vision, target, seed).graph(device, adapter);
            };
        }

        private void checkWidth(int channels) {
            if (vision.width() == channels) return;
            throw Failure.usage(
                    "adapter of the draft",
                    vision.width() + " channels",
                    channels + ", the draft's width",
                    "Make the adapter for this draft.");
        }

        private static Failure blind(Path target) {
            return Failure.usage(
                    "adapter out of the target's projector, " + target,
                    "a target that does not see",
                    "a LLaVA",
                    "Begin the adapter at random, or give the target that sees.");
        }
    }
}
