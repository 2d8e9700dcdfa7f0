package dev.outrider.data.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.Safetensors;
import dev.outrider.checkpoints.Shared;
import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.LlamaWeights;
import dev.outrider.decode.model.Llava;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.model.Sight;
import dev.outrider.decode.speculate.Decoder;
import dev.outrider.decode.speculate.Limits;
import dev.outrider.decode.speculate.Listener;
import dev.outrider.decode.speculate.Sampling;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** From a prompt and a file to the text that transformers' processor and model make of them. */
@Tag("goldens")
class LlavaEndToEndTest {
    @Test
    void promptAndFileBecomeTheSameText() throws IOException {
        Path golden = Shared.golden("llava"), folder = golden.resolve("hf-old-keys");
        JsonNode cases =
                new ObjectMapper().readTree(golden.resolve("cases.json").toFile());
        JsonNode whole = cases.get("end_to_end");
        try (CpuDevice device = new CpuDevice(2);
                Checkpoint checkpoint = Checkpoint.open(folder);
                Safetensors expected = Safetensors.open(golden.resolve("expected.safetensors"));
                LlamaWeights weights = LlamaWeights.load(device, checkpoint);
                Sight sight = Sight.of(device, checkpoint.vision().orElseThrow(), 1);
                Llava model = new Llava(
                        device,
                        new Llama(device, weights, 200),
                        checkpoint.vision().orElseThrow(),
                        sight)) {
            ImageLoader loader = ImageLoader.of(checkpoint.vision().orElseThrow());
            Picture picture = new ImageFile(golden.resolve(whole.get("image").textValue()), loader);
            close(expected.tensor("processor.pixel_values").floats(), picture.pixels());
            Tokenizer tokenizer = checkpoint.requireTokenizer();
            int[] ids = tokenizer.encodeWithBos(whole.get("prompt").textValue());
            VisionConfig vision = checkpoint.vision().orElseThrow().config();
            int[] prompt = Picture.numbered(ids, vision.imageId());
            model.show(List.of(picture));
            int[] theirs = expected.tensor("processor.input_ids").ints();
            int[] own = Arrays.stream(model.own(prompt))
                    .map(id -> Picture.isPlaceholder(id) ? vision.imageId() : id)
                    .toArray();
            assertThat(own).isEqualTo(theirs);
            int[] greedy = new Decoder(model)
                    .autoregressive(prompt, Sampling.GREEDY, limits(cases), 0, Listener.NONE)
                    .tokens();
            JsonNode said = whole.get("greedy");
            assertThat(greedy)
                    .isEqualTo(IntStream.range(0, said.size())
                            .map(i -> said.get(i).intValue())
                            .toArray());
        }
    }

    private static Limits limits(JsonNode cases) {
        return new Limits(cases.get("max_new_tokens").intValue(), Set.of());
    }

    private static void close(float[] expected, float[] ours) {
        assertThat(ours).hasSameSizeAs(expected);
        for (int i = 0; i < ours.length; i++) assertThat(ours[i]).isCloseTo(expected[i], within(1e-5f));
    }
}
