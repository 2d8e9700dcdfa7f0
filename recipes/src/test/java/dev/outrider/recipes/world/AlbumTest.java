package dev.outrider.recipes.world;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.ImagePreprocessing;
import dev.outrider.checkpoints.chat.Message;
import dev.outrider.data.conversation.Conversation;
import dev.outrider.data.conversation.ConversationFiles;
import dev.outrider.data.image.ImageLoader;
import dev.outrider.data.image.ImageOptions;
import dev.outrider.data.image.Pixels;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AlbumTest {
    private static final Sights SIGHTS = new Sights(3);

    @TempDir
    Path folder;

    private static List<String> listed(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(f -> f.getFileName().toString()).sorted().toList();
        }
    }

    private static List<Conversation> read(Path file) {
        List<Conversation> out = new ArrayList<>();
        ConversationFiles.of(file).forEach(e -> out.add((Conversation) e));
        return out;
    }

    /** What is written is what the readers of other people's conversations take. */
    @Test
    void dialoguesAreLlavas() throws IOException {
        Path file = folder.resolve("dialogues.jsonl"), pictures = folder.resolve("pictures");
        new Album(pictures).dialogues(file, SIGHTS.documents(60));
        List<Conversation> read = read(file);
        List<SeenPrompt> made = SIGHTS.documents(60).toList();
        assertThat(read).hasSameSizeAs(made);
        for (int i = 0; i < made.size(); i++) {
            SeenPrompt p = made.get(i);
            assertThat(read.get(i).id()).isEqualTo(p.id());
            assertThat(read.get(i).task()).isEqualTo(p.task().label());
            assertThat(read.get(i).images()).containsExactly(p.picture().name());
            assertThat(read.get(i).messages())
                    .containsExactly(Message.of(Message.USER, p.prompt()), Message.of(Message.ASSISTANT, p.answer()));
            assertThat(pictures.resolve(p.picture().name()))
                    .hasBinaryContent(p.picture().png());
        }
    }

    @Test
    void promptsEndWithTheUsersTurn() {
        Path file = folder.resolve("prompts.jsonl");
        Stream<SeenPrompt> prompts = Stream.of(SeenTask.values()).map(t -> SIGHTS.prompt(t, World.HELD_OUT + 4));
        new Album(folder.resolve("pictures")).prompts(file, prompts);
        List<Conversation> read = read(file);
        assertThat(read.stream().map(Conversation::task))
                .containsExactly("seen-describe", "seen-question", "seen-reason", "unseen-question", "unseen-reason");
        assertThat(read).allSatisfy(c -> {
            assertThat(c.messages()).hasSize(1);
            assertThat(c.messages().getFirst().text()).startsWith("<image>\n");
        });
    }

    @Test
    void captionsNameTheirPictures() throws IOException {
        Path file = folder.resolve("captions.jsonl");
        new Album(folder.resolve("pictures")).captions(file, SIGHTS.captions(30));
        List<String> lines = Files.readAllLines(file);
        assertThat(lines).hasSize(30);
        JsonNode row = new ObjectMapper().readTree(lines.get(7));
        assertThat(row.get("id").textValue()).isEqualTo("caption-7");
        assertThat(row.get("caption").textValue()).isEqualTo(SIGHTS.caption(7).text());
        assertThat(row.get("image").textValue()).isEqualTo(SIGHTS.picture(7).name());
    }

    @Test
    void equalPicturesAreWrittenOnceForAllFiles() throws IOException {
        Path pictures = folder.resolve("pictures");
        Album album = new Album(pictures);
        album.prompts(
                folder.resolve("a.jsonl"),
                LongStream.range(0, 20)
                        .boxed()
                        .flatMap(i -> Stream.of(SeenTask.values()).map(t -> SIGHTS.prompt(t, i))));
        album.captions(folder.resolve("b.jsonl"), SIGHTS.captions(20));
        Set<String> wanted =
                LongStream.range(0, 20).mapToObj(i -> SIGHTS.picture(i).name()).collect(Collectors.toSet());
        assertThat(listed(pictures)).containsExactlyInAnyOrderElementsOf(wanted);
        Path one = pictures.resolve(SIGHTS.picture(0).name());
        Files.write(one, new byte[] {1});
        album.captions(folder.resolve("c.jsonl"), SIGHTS.captions(1));
        assertThat(one).as("not written again").hasSize(1);
        new Album(pictures).captions(folder.resolve("c.jsonl"), SIGHTS.captions(1));
        assertThat(one)
                .as("what an interrupted run left is written over")
                .hasBinaryContent(SIGHTS.picture(0).png());
    }

    /** Outrider's own loader and the JDK's see the same levels. */
    @Test
    void picturesAreDecodedAsTheyWereDrawn() throws IOException {
        ImageLoader loader = new ImageLoader(ImagePreprocessing.clip(Drawing.SIDE), ImageOptions.defaults());
        ImagePreprocessing settings = ImagePreprocessing.clip(Drawing.SIDE);
        Path pictures = folder.resolve("pictures");
        new Album(pictures).captions(folder.resolve("captions.jsonl"), SIGHTS.captions(20));
        for (String name : listed(pictures)) {
            Pixels pixels = loader.load(pictures.resolve(name));
            BufferedImage image = ImageIO.read(pictures.resolve(name).toFile());
            assertThat(pixels.height()).isEqualTo(48).isEqualTo(image.getHeight());
            assertThat(pixels.width()).isEqualTo(48).isEqualTo(image.getWidth());
            IntStream.range(0, pixels.values().length).forEach(i -> {
                int channel = i / (48 * 48), level = image.getRGB(i % 48, i / 48 % 48) >> 16 - 8 * channel & 0xff;
                double value = (level / 255.0 - settings.mean().get(channel))
                        / settings.std().get(channel);
                assertThat((double) pixels.values()[i]).isBetween(value - 1e-5, value + 1e-5);
            });
        }
    }
}
