package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import org.junit.jupiter.api.Test;

class LoadingTest {
    private static final class Absent {
        private static final int SIZE = load();

        private static int load() {
            throw Failure.usage("library", "nothing", "a file", "Get it.");
        }

        static int size() {
            return SIZE;
        }
    }

    private static final class Broken {
        private static final int SIZE = 1 / Integer.parseInt("0");

        static int size() {
            return SIZE;
        }
    }

    @Test
    void whatKeepsALibraryFromBeingLoadedIsThrownAsItself() {
        assertThatThrownBy(() -> Loading.of(() -> Absent.size()))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("Get it.");
    }

    @Test
    void bugsStayBugs() {
        assertThatThrownBy(() -> Loading.of(() -> Broken.size())).isInstanceOf(ExceptionInInitializerError.class);
    }
}
