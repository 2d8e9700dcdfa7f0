package dev.outrider.decode.device.cuda;

import static dev.outrider.decode.device.cuda.CudaDriverTest.failsWith;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Memory and copies, through the very bindings that a card sees. */
class CudaContextTest {
    private final FakeDriver fake = new FakeDriver();
    private final CudaContext context = CudaDriver.of(fake.symbols()).context(0);

    @AfterEach
    void nothingIsLeft() {
        context.close();
        assertThat(fake.leaks()).isEmpty();
        assertThat(fake.complaints).isEmpty();
    }

    @Test
    void bytesComeBackAsTheyWent() {
        Seeds.run(6, random -> {
            // Around the sizes of the blocks by which copies are staged.
            long size = Math.max(0, random.nextInt(4) * Staging.BLOCK + random.nextInt(-2, 3));
            byte[] sent = bytes(random, (int) size), back = new byte[(int) size];
            long device = context.allocate(size);
            context.upload(MemorySegment.ofArray(sent), device, size);
            byte[] kept = sent.clone();
            java.util.Arrays.fill(sent, (byte) 0); // the host's memory is the caller's again
            context.download(device, MemorySegment.ofArray(back), size);
            assertThat(back).isEqualTo(kept);
            context.free(device);
        });
    }

    private static byte[] bytes(RandomGenerator random, int size) {
        byte[] all = new byte[size];
        random.nextBytes(all);
        return all;
    }

    @Test
    void smallUploadsDoNotWaitAndKeepTheirBytes() {
        int count = 3000;
        RandomGenerator random = Seeds.generator(1);
        long[] device = new long[count];
        byte[][] sent = new byte[count][];
        for (int i = 0; i < count; i++) {
            sent[i] = bytes(random, random.nextInt(1, 8000));
            device[i] = context.allocate(sent[i].length);
            context.upload(MemorySegment.ofArray(sent[i].clone()), device[i], sent[i].length);
        }
        assertThat(fake.calls("cuEventSynchronize")).isLessThan(6); // 12 MB by blocks of 4 MiB
        for (int i = 0; i < count; i++) {
            byte[] back = new byte[sent[i].length];
            context.download(device[i], MemorySegment.ofArray(back), back.length);
            assertThat(back).isEqualTo(sent[i]);
        }
    }

    @Test
    void nativeMemoryAndParts() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment host = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1, 2, 3, 4);
            long a = context.allocate(16), b = context.allocate(16);
            context.upload(host, a, 16);
            context.zero(b, 16);
            context.copy(a + 4, b + 8, 8);
            context.zero(a, 8);
            assertThat(floats(a, 4)).containsExactly(0, 0, 3, 4);
            assertThat(floats(b, 4)).containsExactly(0, 0, 2, 3);
            context.copy(a, b, 0);
            context.zero(b, 0);
        }
    }

    private float[] floats(long device, int count) {
        float[] all = new float[count];
        context.download(device, MemorySegment.ofArray(all), 4L * count);
        return all;
    }

    @Test
    void hostMemoryThatIsTooShort() {
        long device = context.allocate(16);
        assertThatThrownBy(() -> context.upload(MemorySegment.ofArray(new byte[8]), device, 9))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> context.download(device, MemorySegment.ofArray(new byte[8]), 9))
                .isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void copiesBeyondAnAllocationAreRefusedByTheDriver() {
        long device = context.allocate(16);
        failsWith(() -> context.zero(device, 17), Failure.Kind.MACHINE, "CUDA_ERROR_INVALID_VALUE", "cuMemsetD8Async");
        failsWith(() -> context.copy(device + 1, device, 16), Failure.Kind.MACHINE, "cuMemcpyDtoDAsync_v2");
        assertThat(fake.complaints).hasSize(2);
        fake.complaints.clear();
    }

    @Test
    void outOfMemorySaysWantedFreeAndTotal() {
        long held = context.allocate(1L << 20);
        failsWith(
                () -> context.allocate(5L << 30),
                Failure.Kind.MACHINE,
                "GPU 0 (Fake H100)",
                "no room for another 5,120.0 MiB: 4,095.0 MiB are free of 4,096.0 MiB",
                "smaller");
        assertThat(context.freeBytes()).isEqualTo((1L << 32) - (1L << 20));
        context.free(held);
        assertThat(context.freeBytes()).isEqualTo(1L << 32);
    }

    @Test
    void freeingTwice() {
        long device = context.allocate(16);
        context.free(0);
        context.free(device);
        assertThatThrownBy(() -> context.free(device)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> context.allocate(-1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void pinnedMemory() {
        long device = context.allocate(32);
        PinnedMemory pinned = context.pin(32);
        pinned.segment().fill((byte) 7);
        context.send(pinned, 8, device, 16);
        context.zero(device + 16, 16);
        context.fetch(device + 8, pinned, 0, 16);
        context.synchronize();
        byte[] expected = new byte[32];
        for (int i = 0; i < 32; i++) expected[i] = (byte) (i < 8 || i >= 16 ? 7 : 0);
        assertThat(pinned.segment().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(expected);
        assertThatThrownBy(() -> context.send(pinned, 17, device, 16)).isInstanceOf(IndexOutOfBoundsException.class);
        pinned.close();
        pinned.close();
        assertThatThrownBy(() -> pinned.segment().fill((byte) 0)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> context.send(pinned, 0, device, 16)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void time() {
        try (CudaTimer timer = context.timer()) {
            timer.start();
            context.zero(context.allocate(1 << 20), 1 << 20);
            assertThat(timer.stop()).isPositive();
        }
    }

    @Test
    void severalThreadsDownload() throws Exception {
        int threads = 4, count = 3 << 20;
        long[] device = new long[threads];
        for (int t = 0; t < threads; t++) {
            device[t] = context.allocate(count);
            byte[] all = new byte[count];
            java.util.Arrays.fill(all, (byte) (t + 1));
            context.upload(MemorySegment.ofArray(all), device[t], count);
        }
        try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
            List<Future<Boolean>> all = pool.invokeAll(IntStream.range(0, 4 * threads)
                    .mapToObj(i ->
                            (Callable<Boolean>) () -> holds(device[i % threads], count, (byte) (i % threads + 1)))
                    .toList());
            for (Future<Boolean> one : all) assertThat(one.get()).isTrue();
        }
    }

    private boolean holds(long device, int count, byte value) {
        byte[] all = new byte[count];
        context.download(device, MemorySegment.ofArray(all), count);
        for (byte b : all) if (b != value) return false;
        return true;
    }

    @Test
    void afterItIsClosed() {
        CudaContext closed = CudaDriver.of(fake.symbols()).context(0);
        closed.close();
        closed.close();
        assertThatThrownBy(() -> closed.allocate(1)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(closed::synchronize).isInstanceOf(IllegalStateException.class);
    }
}
