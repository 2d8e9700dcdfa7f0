package dev.outrider.decode.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Seeds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class KeptPromptTest {
    /** Its logits say what it has read, all of it; it counts the tokens that it really reads. */
    private static final class Telling implements CausalModel {
        private final List<Integer> text = new ArrayList<>();
        private final List<float[]> rows = new ArrayList<>();
        private int read;

        @Override
        public int vocabulary() {
            return 3;
        }

        @Override
        public int capacity() {
            return 100;
        }

        @Override
        public int length() {
            return text.size();
        }

        @Override
        public void truncate(int length) {
            if (length > text.size()) throw new IndexOutOfBoundsException(length);
            text.subList(length, text.size()).clear();
        }

        @Override
        public void read(int[] tokens, int offset, int count, int kept) {
            rows.clear();
            for (int i = 0; i < count; i++) {
                text.add(tokens[offset + i]);
                read++;
                if (i >= count - kept) rows.add(new float[] {text.hashCode(), text.size(), text.getLast()});
            }
        }

        @Override
        public void logits(int row, float[] into) {
            System.arraycopy(rows.get(row), 0, into, 0, 3);
        }

        @Override
        public void close() {}
    }

    private static float[] logits(CausalModel model) {
        float[] into = new float[3];
        model.logits(0, into);
        return into;
    }

    @Test
    void theSamePromptIsReadOnce() {
        Telling inner = new Telling();
        KeptPrompt model = new KeptPrompt(inner);
        int[] prompt = {5, 6, 7};
        for (int time = 0; time < 3; time++) {
            model.truncate(0);
            assertThat(model.length()).isZero();
            model.read(prompt, 0, 3, 1);
            assertThat(model.length()).isEqualTo(3);
            model.read(new int[] {time}, 0, 1, 1);
        }
        assertThat(inner.read).isEqualTo(3 + 3);
        model.truncate(0);
        model.read(new int[] {5, 6}, 0, 2, 1);
        assertThat(inner.read).as("another prompt, though it begins alike").isEqualTo(8);
        model.truncate(0);
        assertThatThrownBy(() -> model.truncate(1)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    /** Whatever is done in whatever order: as without it. */
    @Test
    void itSaysWhatTheModelWouldSay() {
        Seeds.run(200, random -> {
            Telling plain = new Telling();
            KeptPrompt kept = new KeptPrompt(new Telling());
            int[][] prompts = {{1, 2, 3}, {1, 2}, {4}};
            for (int step = 0; step < 60; step++) {
                if (random.nextInt(3) == 0 || plain.length() > 90) {
                    int length = random.nextBoolean() ? 0 : random.nextInt(Math.max(1, plain.length()));
                    plain.truncate(length);
                    kept.truncate(length);
                } else {
                    int[] tokens = plain.length() == 0 ? prompts[random.nextInt(3)] : new int[] {random.nextInt(9), 8};
                    int rows = random.nextInt(4) == 0 ? tokens.length : 1;
                    plain.read(tokens, 0, tokens.length, rows);
                    kept.read(tokens, 0, tokens.length, rows);
                    assertThat(logits(kept)).as(Arrays.toString(tokens)).isEqualTo(logits(plain));
                }
                assertThat(kept.length()).isEqualTo(plain.length());
            }
        });
    }
}
