package dev.outrider.trainer;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.HuggingFace;
import dev.outrider.checkpoints.LlavaFiles;
import dev.outrider.checkpoints.Provenance;
import dev.outrider.checkpoints.Safetensors;
import dev.outrider.checkpoints.StepFolders;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.checkpoints.TrainingState;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.decode.device.Buffer;
import dev.outrider.trainer.layer.LlamaGraph;
import dev.outrider.trainer.optim.AdamW;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A run's checkpoints: each a folder that is a Hugging Face model and, beside it, what resuming needs
 * (moments, step, seed, data positions); a model that sees has the LLaVA repository's layout, its tower elsewhere. Only whole folders are ever seen; {@code latest} moves last.
 */
public final class TrainerStore {
    private static final String MOMENTS = "optimizer.safetensors", STATE = "state.json";
    private final StepFolders folders;
    private final Optional<Tokenizer> tokenizer;
    private final Provenance provenance;

    /** @param keep how many checkpoints stay */
    public TrainerStore(Path run, int keep, Optional<Tokenizer> tokenizer, Provenance provenance) {
        this.folders = new StepFolders(run, keep);
        this.tokenizer = tokenizer;
        this.provenance = provenance;
    }

    /** Saves everything that the next step depends on. */
    public Path save(TrainingState state, LlamaGraph graph, AdamW optimizer, List<Source> sources) {
        return folders.save(state.step(), folder -> {
            model(folder, graph);
            Safetensors.write(
                    folder.resolve(MOMENTS),
                    List.of(flat("first_moment", optimizer.first()), flat("second_moment", optimizer.second())),
                    Map.of());
            for (Source source : sources) source.rows().save(rows(folder, source));
            state.write(folder.resolve(STATE));
        });
    }

    private void model(Path folder, LlamaGraph graph) throws IOException {
        Optional<Provenance> from = Optional.of(provenance);
        if (graph.eyes().isEmpty()) {
            HuggingFace.writeFiles(folder, graph.config(), graph.tensors(), DType.F32, tokenizer, from);
            return;
        }
        LlavaFiles.Eyes eyes = new LlavaFiles.Eyes(graph.eyes().get(), graph.adapter(), Optional.empty());
        LlavaFiles.writeFiles(folder, graph.config(), graph.tensors(), eyes, DType.F32, tokenizer, from);
    }

    private static Path rows(Path folder, Source source) {
        return folder.resolve("rows-" + source.name() + ".safetensors");
    }

    /** The newest whole checkpoint, if there is one. */
    public Optional<Path> latest() {
        return folders.latest();
    }

    /** Brings weights, moments and rows that wait back from the newest checkpoint; empty if there is none. */
    public Optional<TrainingState> resume(LlamaGraph graph, AdamW optimizer, List<Source> sources) {
        return latest().map(folder -> restore(folder, graph, optimizer, sources));
    }

    private static TrainingState restore(Path folder, LlamaGraph graph, AdamW optimizer, List<Source> sources) {
        TrainingState state = TrainingState.read(folder.resolve(STATE));
        try (Checkpoint weights = Checkpoint.open(folder)) {
            graph.load(weights);
        }
        try (Safetensors moments = Safetensors.open(folder.resolve(MOMENTS))) {
            fill(moments.tensor("first_moment"), optimizer.first(), folder);
            fill(moments.tensor("second_moment"), optimizer.second(), folder);
        }
        for (Source source : sources) source.rows().restore(rows(folder, source));
        return state;
    }

    private static void fill(Tensor from, Buffer to, Path folder) {
        if (from.elements() != to.elements()) {
            throw Failure.data(
                    folder.resolve(MOMENTS) + ", tensor " + from.name(),
                    from.elements() + " elements",
                    to.elements() + ", one per parameter",
                    "Resume with the recipe that wrote the checkpoint, or start a new run.");
        }
        memory(to).copyFrom(from.data());
    }

    private static Tensor flat(String name, Buffer buffer) {
        return new Tensor(name, DType.F32, new long[] {buffer.elements()}, memory(buffer));
    }

    // Host memory: parameters and moments of the trainer live in the cpu device or are copied back to it.
    private static MemorySegment memory(Buffer buffer) {
        return MemorySegment.ofAddress(buffer.address()).reinterpret(buffer.bytes());
    }
}
