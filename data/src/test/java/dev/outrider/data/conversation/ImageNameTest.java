package dev.outrider.data.conversation;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.chat.Message;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ImageNameTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "COCO_val2014_000000123456.jpg",
                "COCO_train2014_000000123456",
                "COCO_000000123456",
                "000000123456.jpg",
                "coco/train2017/000000123456.jpg",
                "000000123456",
                "123456"
            })
    void cocoGoesByItsNumber(String name) {
        assertThat(ImageName.of(name)).isEqualTo("coco 123456");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"AMBER_123456.jpg", "images/0008/pos__0__2023.jpg", "mm-vet_v1_12", "123456.jpg", "1/000000123456/2.jpg"})
    void othersStayAsTheyAre(String name) {
        assertThat(ImageName.of(name)).isEqualTo(name);
    }

    @Test
    void aSubjectIsTheImageOrTheFirstQuestion() {
        List<Message> messages = List.of(
                Message.of(Message.SYSTEM, "be kind"),
                Message.of(Message.USER, "what is it?"),
                Message.of(Message.ASSISTANT, "a dog"),
                Message.of(Message.USER, "where?"));
        assertThat(new Conversation("", "", messages, "000000000007.jpg", "", "").subject())
                .isEqualTo("coco 7");
        assertThat(new Conversation("", "", messages, "", "", "").subject()).isEqualTo("what is it?");
    }
}
