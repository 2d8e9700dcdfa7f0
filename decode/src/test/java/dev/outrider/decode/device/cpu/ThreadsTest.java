package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ThreadsTest {
    @Test
    void everyPartRunsOnce() {
        try (Threads threads = new Threads(4)) {
            for (int parts = 0; parts < 300; parts++) {
                AtomicIntegerArray runs = new AtomicIntegerArray(parts);
                threads.run(parts, runs::incrementAndGet);
                for (int part = 0; part < parts; part++)
                    assertThat(runs.get(part)).isEqualTo(1);
            }
        }
    }

    @Test
    void splitCoversEveryIndexOnce() {
        try (Threads threads = new Threads(3)) {
            for (int length : new int[] {0, 1, 2, 3, 4, 1000}) {
                AtomicIntegerArray runs = new AtomicIntegerArray(length);
                threads.split(length, (from, to) -> {
                    for (int i = from; i < to; i++) runs.incrementAndGet(i);
                });
                for (int i = 0; i < length; i++) assertThat(runs.get(i)).isEqualTo(1);
            }
        }
    }

    @Test
    void whatAPartThrowsReachesTheCallerAndTheTeamGoesOn() {
        try (Threads threads = new Threads(2)) {
            for (int i = 0; i < 50; i++) {
                assertThatThrownBy(() -> threads.run(8, part -> {
                            if (part == 5) throw new IllegalStateException("part " + part);
                        }))
                        .hasMessage("part 5");
                AtomicLong sum = new AtomicLong();
                threads.run(8, sum::addAndGet);
                assertThat(sum.get()).isEqualTo(28);
            }
        }
    }

    @Test
    void regionsOfSeveralCallersFollowOneAnother() throws InterruptedException {
        try (Threads threads = new Threads(2)) {
            AtomicLong sum = new AtomicLong();
            Runnable caller = () -> {
                for (int i = 0; i < 200; i++) threads.run(3, sum::addAndGet);
            };
            Thread other = Thread.ofPlatform().start(caller);
            caller.run();
            other.join();
            assertThat(sum.get()).isEqualTo(2 * 200 * 3);
        }
    }

    @Test
    void wakesAfterALongPause() throws InterruptedException {
        try (Threads threads = new Threads(2)) {
            AtomicLong sum = new AtomicLong();
            for (int i = 0; i < 5; i++) {
                Thread.sleep(5);
                threads.run(4, sum::addAndGet);
            }
            assertThat(sum.get()).isEqualTo(5 * 6);
        }
    }

    @Test
    void worksAloneOnceClosed() {
        Threads threads = new Threads(3);
        threads.close();
        AtomicLong sum = new AtomicLong();
        threads.run(4, sum::addAndGet);
        assertThat(sum.get()).isEqualTo(6);
    }
}
