package dev.outrider.data.image;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ImageNamesTest {
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
        assertThat(ImageNames.key(name)).isEqualTo("coco 123456");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "AMBER_123456.jpg",
                "images/0008/pos__0__2023.jpg",
                "mm-vet_v1_12",
                "123456.jpg",
                "1/000000123456/2.jpg",
                ""
            })
    void othersStayAsTheyAre(String name) {
        assertThat(ImageNames.key(name)).isEqualTo(name);
    }
}
