package dev.outrider.decode.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Safetensors;
import dev.outrider.checkpoints.Shared;
import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.speculate.Decoder;
import dev.outrider.decode.speculate.Drafter;
import dev.outrider.decode.speculate.Generation;
import dev.outrider.decode.speculate.Limits;
import dev.outrider.decode.speculate.Listener;
import dev.outrider.decode.speculate.NeuralDraft;
import dev.outrider.decode.speculate.PromptLookup;
import dev.outrider.decode.speculate.Sampling;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A LLaVA that transformers ran: features, logits, greedy text, with drafts that see and drafts that do not. */
@Tag("goldens")
class LlavaGoldenTest {
    private static final String OLD = "hf-old-keys", NEW = "hf-new-keys", ORIGINAL = "original/model";
    private static final int CAPACITY = 256;

    private JsonNode cases;
    private Safetensors expected;
    private CpuDevice device;
    private final List<AutoCloseable> opened = new ArrayList<>();

    @BeforeEach
    void open() throws IOException {
        cases = new ObjectMapper().readTree(Shared.golden("llava/cases.json").toFile());
        expected = Safetensors.open(Shared.golden("llava/expected.safetensors"));
        device = new CpuDevice(2);
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable one : opened.reversed()) one.close();
        device.close();
        expected.close();
    }

    private <T extends AutoCloseable> T opened(T resource) {
        opened.add(resource);
        return resource;
    }

    private Checkpoint checkpoint(String layout) {
        Path folder = Shared.golden("llava").resolve(layout);
        Checkpoint checkpoint = opened(Checkpoint.open(folder));
        if (layout.equals(ORIGINAL)) checkpoint.vision().orElseThrow().attach(folder.resolveSibling("vision_tower"));
        return checkpoint;
    }

    private Sight sight(Checkpoint checkpoint) {
        return opened(Sight.of(device, checkpoint.vision().orElseThrow(), 8));
    }

    private Llava llava(Checkpoint checkpoint, Sight sight) {
        Llama language = new Llama(device, opened(LlamaWeights.load(device, checkpoint)), CAPACITY);
        return opened(new Llava(device, language, checkpoint.vision().orElseThrow(), sight));
    }

    private record Fixed(String id, float[] pixels) implements Picture {}

    private List<Picture> pictures(JsonNode one) {
        float[] all = expected.tensor("pixel_values").floats();
        int size = all.length / (int) expected.tensor("pixel_values").shape()[0];
        return IntStream.range(0, one.get("images").size())
                .map(i -> one.get("images").get(i).intValue())
                .mapToObj(i -> (Picture) new Fixed("picture " + i, Arrays.copyOfRange(all, i * size, (i + 1) * size)))
                .toList();
    }

    private int[] prompt(JsonNode one) {
        return Picture.numbered(
                ids(one.get("unexpanded")), cases.get("image_token_id").intValue());
    }

    private static int[] ids(JsonNode list) {
        return IntStream.range(0, list.size()).map(i -> list.get(i).intValue()).toArray();
    }

    @ParameterizedTest
    @ValueSource(strings = {OLD, NEW, ORIGINAL})
    void featuresAgree(String layout) {
        Checkpoint checkpoint = checkpoint(layout);
        Sight sight = sight(checkpoint);
        float[] theirs = expected.tensor("features").floats(),
                pixels = expected.tensor("pixel_values").floats();
        int pictures = (int) expected.tensor("features").shape()[0], n = theirs.length / pictures;
        Projector projector =
                opened(new Projector(device, new Eyes(checkpoint.vision().orElseThrow(), sight)));
        Buffer rows = device.allocate(DType.F32, n);
        float[] ours = new float[theirs.length];
        for (int i = 0; i < pictures; i++) {
            int size = pixels.length / pictures;
            Picture picture = new Fixed("" + i, Arrays.copyOfRange(pixels, i * size, (i + 1) * size));
            projector.apply(sight.features(picture), rows);
            device.download(rows, ours, i * n, n);
        }
        ClipTowerTest.close(theirs, ours, layout);
    }

    @ParameterizedTest
    @ValueSource(strings = {OLD, NEW, ORIGINAL})
    void logitsAndGreedyTextAgree(String layout) {
        Checkpoint checkpoint = checkpoint(layout);
        Llava model = llava(checkpoint, sight(checkpoint));
        for (JsonNode one : cases.get("cases")) {
            String name = layout + ", " + one.get("name").textValue();
            int[] prompt = layout.equals(ORIGINAL)
                    ? Picture.numbered(ids(one.get("original")), VisionConfig.PLACEHOLDER)
                    : prompt(one);
            model.show(pictures(one));
            int[] own = model.own(prompt);
            assertThat(own).as(name).hasSameSizeAs(ids(one.get("expanded")));
            model.truncate(0);
            model.read(own, 0, own.length, own.length);
            float[] logits = new float[own.length * model.vocabulary()], row = new float[model.vocabulary()];
            for (int r = 0; r < own.length; r++) {
                model.logits(r, row);
                System.arraycopy(row, 0, logits, r * row.length, row.length);
            }
            ClipTowerTest.close(
                    expected.tensor("logits." + one.get("name").textValue()).floats(), logits, name);
            assertThat(alone(model, one, prompt).tokens()).as(name).isEqualTo(ids(one.get("greedy")));
        }
    }

    private Limits limits() {
        return new Limits(cases.get("max_new_tokens").intValue(), Set.of());
    }

    private Generation alone(Llava model, JsonNode one, int[] prompt) {
        model.show(pictures(one));
        return new Decoder(model).autoregressive(prompt, Sampling.GREEDY, limits(), 0, Listener.NONE);
    }

    /** Draft and target are one model: every guess but those behind the last is right where the draft sees. */
    @Test
    void aDraftThatSeesGuessesWhatATargetSays() {
        Checkpoint checkpoint = checkpoint(OLD);
        Sight sight = sight(checkpoint);
        Llava target = llava(checkpoint, sight);
        Drafter draft = new NeuralDraft(llava(checkpoint, sight), 1);
        for (JsonNode one : cases.get("cases")) {
            Generation generation = speculative(target, draft, one, 4);
            assertThat(generation.tokens()).isEqualTo(ids(one.get("greedy")));
            int drafted = generation.passes().stream()
                    .mapToInt(Generation.Pass::drafted)
                    .sum();
            int accepted = generation.passes().stream()
                    .mapToInt(Generation.Pass::accepted)
                    .sum();
            assertThat(accepted).as(one.get("name").textValue()).isEqualTo(drafted);
        }
        long distinct = cases.get("cases").findValues("images").stream()
                .flatMap(images -> Arrays.stream(ids(images)).boxed())
                .distinct()
                .count();
        assertThat(sight.runs())
                .as("towers run, for target, draft and later texts")
                .isEqualTo(distinct);
    }

    private Generation speculative(Llava target, Drafter draft, JsonNode one, int gamma) {
        target.show(pictures(one));
        draft.show(pictures(one));
        return new Decoder(target).speculative(prompt(one), draft, gamma, Sampling.GREEDY, limits(), 0, Listener.NONE);
    }

    /** The same language model without its eyes: it reads the words alone, at positions of its own. */
    @Test
    void textIsTheSameWhateverTheDraftSees() {
        Checkpoint checkpoint = checkpoint(OLD);
        Sight sight = sight(checkpoint);
        Llava target = llava(checkpoint, sight);
        Llama blind = new Llama(device, opened(LlamaWeights.load(device, checkpoint)), CAPACITY);
        Drafter[] drafts = {
            opened(new NeuralDraft(blind, 1)),
            new PromptLookup(target.vocabulary()),
            new NeuralDraft(llava(checkpoint, sight), 1)
        };
        for (JsonNode one : cases.get("cases")) {
            Generation alone = alone(target, one, prompt(one));
            for (Drafter draft : drafts) {
                for (int gamma : new int[] {1, 3, 7}) {
                    assertThat(speculative(target, draft, one, gamma).tokens())
                            .as("%s, %s at %d", one.get("name").textValue(), draft.name(), gamma)
                            .isEqualTo(alone.tokens());
                }
            }
        }
    }

    @Test
    void picturesForATargetThatCannotSeeAreRefused() {
        Checkpoint checkpoint = checkpoint(OLD);
        Llama blind = opened(new Llama(device, opened(LlamaWeights.load(device, checkpoint)), CAPACITY));
        assertThatThrownBy(() -> new Decoder(blind)
                        .autoregressive(
                                new int[] {1, Picture.placeholder(0)}, Sampling.GREEDY, limits(), 0, Listener.NONE))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("the target cannot see");
        Llava seeing = llava(checkpoint, sight(checkpoint));
        assertThatThrownBy(() -> seeing.read(new int[] {1, -1}, 0, 2, 1)).isInstanceOf(Failure.class);
    }
}
