package dev.outrider.data.conversation;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConversationSubjectTest {
    private static final String SAID = """
            "conversations": [{"from": "system", "value": "be kind"}, {"from": "human", "value": "what is it?"},\
             {"from": "gpt", "value": "a dog"}, {"from": "human", "value": "where?"}]""";

    @TempDir
    Path folder;

    private Conversation read(String before) throws IOException {
        Path file = Files.writeString(folder.resolve("one.jsonl"), "{" + before + SAID + "}\n");
        List<Conversation> all = new ArrayList<>();
        new ConversationFiles(List.of(file.toString()), null).forEach(e -> all.add((Conversation) e));
        assertThat(all).hasSize(1);
        return all.getFirst();
    }

    @Test
    void theImageHoweverItIsNamed() throws IOException {
        assertThat(read("\"image\": \"coco/train2017/000000000007.jpg\", ").subject())
                .isEqualTo("coco 7");
        assertThat(read("\"image_id\": 7, ").subject()).isEqualTo("coco 7");
        assertThat(read("\"image_id\": 7, ").images()).isEmpty();
    }

    @Test
    void withoutOneWhatTheUserSaysFirst() throws IOException {
        assertThat(read("").subject()).isEqualTo("what is it?");
    }

    @Test
    void ofSeveralImagesAll() throws IOException {
        Conversation two = read("\"image\": [\"COCO_val2014_000000000007.jpg\", \"b.png\"], ");
        assertThat(two.subject()).isEqualTo("coco 7");
        assertThat(two.subjects()).containsExactlyInAnyOrder("coco 7", "b.png");
    }
}
